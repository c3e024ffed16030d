//! The binary as a process: started in an empty folder with an empty environment, over a real socket, with real hashing,
//! killed and restarted. On the chosen store, but for what is in `once`. What can be seen without a process of its own is
//! tested by the other files, which are quicker.

mod http;
mod kill;
mod kill_changes;
mod kill_pictures;
mod life;
mod log_hygiene;
mod mail;
mod once;
mod operator;
mod rolling;
mod server;
mod shutdown;
