//! The binary as a process: started in an empty folder with an empty environment, over a real socket, with real hashing,
//! killed and restarted. What can be seen without a process of its own is tested by the other files, which are quicker.

mod commands;
mod compose;
mod container;
mod faults;
mod first_start;
mod flood;
mod http;
mod life;
mod log_hygiene;
mod misconfiguration;
mod server;
mod shutdown;
