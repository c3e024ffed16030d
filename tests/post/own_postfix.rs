//! A Postfix for one test: a real mail server with a queue and a mailbox, which wants TLS. Gone with the value. It must be
//! root's, and has nothing to do with one that the machine may run.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) struct OwnPostfix {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    process: Child,
}

/// Who owns the mailboxes: nobody.
const OWNER: u32 = 65534;

impl OwnPostfix {
    /// With a mailbox for `ada@postfix.test`, and for nobody else anywhere.
    pub(crate) async fn start() -> Self {
        // Somebody else may take the port that was free.
        for _ in 0..5 {
            if let Some(postfix) = Self::try_start().await {
                return postfix;
            }
        }
        panic!("postfix does not start");
    }

    async fn try_start() -> Option<Self> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // Its processes are of several users.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["etc", "queue", "data", "mail"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        chown(folder.path().join("mail"), Some(OWNER), Some(OWNER)).unwrap();
        run(Command::new("chown").arg("postfix").arg(folder.path().join("data")));
        certificate(folder.path());
        fs::write(folder.path().join("etc/main.cf"), main(folder.path())).unwrap();
        fs::write(folder.path().join("etc/master.cf"), master(address)).unwrap();
        let mut command = Command::new("postfix");
        command.arg("-c").arg(folder.path().join("etc")).arg("start-fg");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut postfix = Self { address, process: command.spawn().unwrap(), folder };
        let deadline = Instant::now() + Duration::from_secs(60);
        while !postfix.greets() {
            if postfix.process.try_wait().unwrap().is_some() || postfix.log().contains("fatal:") {
                return None;
            }
            assert!(Instant::now() < deadline, "postfix does not start: {}", postfix.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some(postfix)
    }

    fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut greeting = [0; 19];
        stream.read_exact(&mut greeting).is_ok() && greeting == *b"220 mx.postfix.test"
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}?ca={}", self.address, self.folder.path().join("cert.pem").display())
    }

    /// The mails in the mailbox, as they lie there.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path().join("mail/ada/new"));
        let paths: Vec<PathBuf> = files.into_iter().flatten().map(|file| file.unwrap().path()).collect();
        paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for OwnPostfix {
    fn drop(&mut self) {
        let stop = Command::new("postfix").arg("-c").arg(self.folder.path().join("etc")).arg("stop").output();
        if !stop.is_ok_and(|done| done.status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn main(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "compatibility_level = 3.5
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.1/32
alias_maps =
alias_database =
local_recipient_maps =
relay_domains =
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
transport_retry_time = 1s
default_transport = error:nothing leaves
virtual_mailbox_domains = inline:{{ {{postfix.test = here}} }}
virtual_mailbox_maps = inline:{{ {{ada@postfix.test = ada/}} }}
virtual_mailbox_base = {folder}/mail
virtual_minimum_uid = 100
virtual_uid_maps = static:{OWNER}
virtual_gid_maps = static:{OWNER}
smtpd_recipient_restrictions = reject_unauth_destination
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
"
    )
}

/// The processes that it takes to receive a mail and to put it into a mailbox.
fn master(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"
    )
}

/// Its own authority.
fn certificate(folder: &Path) {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
                     -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
                     -keyout key.pem -out cert.pem";
    run(Command::new("openssl").args(arguments.split(' ')).current_dir(folder));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
