//! A shell that a reader pastes into: block by block, with Ctrl-C, and what it and its programs said. Knows nothing of the
//! pages.

use crate::process::server::{SOON, until};
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Whatever still runs in it is gone with the value.
pub(super) struct Shell {
    child: Child,
    /// Nothing once it is closed.
    stdin: Option<ChildStdin>,
    said: PathBuf,
    log: PathBuf,
}

impl Shell {
    /// In this folder, with this environment and no other. What is said goes into files of that name.
    pub(super) fn open(folder: &Path, env: &[(String, String)], name: &Path) -> Self {
        let (said, log) = (name.with_extension("said"), name.with_extension("log"));
        let mut command = Command::new("bash");
        command.current_dir(folder).env_clear().envs(env.iter().cloned()).process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(File::create(&said).unwrap())
            .stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut shell = Self { stdin: child.stdin.take(), child, said, log };
        shell.paste("set -eu\n");
        shell
    }

    pub(super) fn paste(&mut self, lines: &str) {
        self.stdin
            .as_mut()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap_or_else(|_| panic!("{}", self.told()));
    }

    /// All on standard output so far, as soon as it is so; a shell that ends before fails the test.
    #[track_caller]
    pub(super) fn said_when(&mut self, is_so: impl Fn(&str) -> bool) -> String {
        until("what the shell says", SOON, || {
            let has_ended = self.child.try_wait().unwrap().is_some();
            let said = read(&self.said);
            if is_so(&said) {
                return Some(said);
            }
            assert!(!has_ended, "the shell has ended: {}", self.told());
            None
        })
    }

    /// Ctrl-C: for the program in the foreground. A shell goes on after one that ends in order.
    pub(super) fn interrupt(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// Waits for the end of what was pasted. Gives what was said on standard output and on standard error.
    #[track_caller]
    pub(super) fn close(mut self) -> (String, String) {
        drop(self.stdin.take());
        let ended = until("the end of the shell", SOON, || self.child.try_wait().unwrap());
        assert!(ended.success(), "{ended}: {}", self.told());
        (read(&self.said), read(&self.log))
    }

    /// Everything, for who looks why a test failed.
    fn told(&self) -> String {
        format!("{}\n{}", read(&self.said), read(&self.log))
    }
}

impl Drop for Shell {
    #[expect(clippy::print_stderr, reason = "what was said helps to see why the test failed")]
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("said in {}: {}", self.said.display(), self.told());
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
