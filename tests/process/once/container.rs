//! Case M-05: the container image without containers. The last stage of `Dockerfile` is laid out in an empty folder and
//! run there by chroot: read-only, as nobody, without capabilities, with the data folder alone to write to. What
//! `compose.yaml` sets is `compose`'s.

use crate::process::http::call;
use crate::process::server::{BINARY, Home, PASSWORD, Server, secret};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");
const DATA: &str = "keyward-data";

/// The last stage of the Dockerfile.
#[derive(Default)]
struct Stage {
    /// Owner, folder of the first stage, folder of the image.
    copies: Vec<(Option<String>, String, String)>,
    env: Vec<(String, String)>,
    user: String,
    folder: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
}

impl Stage {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(REPOSITORY).join("Dockerfile")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let text = lines.join("\n").replace("\\\n", " ");
        let (_, last) = text.rsplit_once("FROM scratch\n").unwrap();
        let mut stage = Self::default();
        for line in last.lines().filter(|line| !line.is_empty()) {
            let (instruction, rest) = line.split_once(' ').unwrap();
            let words = || serde_json::from_str(rest).unwrap();
            match instruction {
                "COPY" => {
                    let words: Vec<&str> = rest.split(' ').collect();
                    let (flags, paths) = words.split_at(words.len() - 2);
                    assert!(flags.contains(&"--from=build"), "{line}");
                    let owner = flags.iter().find_map(|flag| flag.strip_prefix("--chown="));
                    stage.copies.push((owner.map(Into::into), paths[0].into(), paths[1].into()));
                }
                "ENV" => {
                    let (name, value) = rest.split_once('=').unwrap();
                    stage.env.push((name.into(), value.into()));
                }
                "USER" => stage.user = rest.into(),
                "WORKDIR" => stage.folder = rest.into(),
                "ENTRYPOINT" => stage.entrypoint = words(),
                "CMD" => stage.command = words(),
                "LABEL" | "EXPOSE" => {}
                _ => panic!("this test does not know how to {line}"),
            }
        }
        stage
    }
}

fn done(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Every file and folder below, as paths from there.
fn everything(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            found.insert(entry.path().strip_prefix(root).unwrap().to_owned());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// The image, and a volume for its data that began as the image's folder does, as volumes of containers do.
struct Image {
    stage: Stage,
    folder: TempDir,
}

impl Image {
    fn build() -> Self {
        let image = Self { stage: Stage::read(), folder: tempfile::tempdir().unwrap() };
        let built = image.folder.path().join("image");
        done(&format!("{REPOSITORY}/scripts/image-root"), &[BINARY, built.to_str().unwrap()]);
        fs::create_dir(image.root()).unwrap();
        fs::set_permissions(image.root(), PermissionsExt::from_mode(0o755)).unwrap();
        for (owner, from, to) in &image.stage.copies {
            let from = image.folder.path().join(from.strip_prefix('/').unwrap());
            let to = image.root().join(to.strip_prefix('/').unwrap());
            done("cp", &["-a", &format!("{}/.", from.display()), to.to_str().unwrap()]);
            for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
                let copied = to.join(entry.file_name());
                done("chown", &["-R", owner.as_deref().unwrap_or("0:0"), copied.to_str().unwrap()]);
            }
        }
        done("cp", &["-a", image.root().join(DATA).to_str().unwrap(), image.volume().to_str().unwrap()]);
        image
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn volume(&self) -> PathBuf {
        self.folder.path().join("volume")
    }

    /// What starts a program in the image as `docker run --read-only --cap-drop=ALL` does. Every step replaces the
    /// process, so the child is the program in the end.
    fn run(&self, command: &[String]) -> Vec<String> {
        let confine = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && mount --bind \"$1\" \"$2\" \
                       && shift 2 && exec setpriv --no-new-privs /usr/sbin/chroot --groups= \"$@\"";
        let paths = [self.root(), self.volume(), self.root().join(DATA)].map(|p| p.display().to_string());
        let user = format!("--userspec={}", self.stage.user);
        assert_eq!(self.stage.folder, "/", "chroot begins there");
        let before = ["--mount", "sh", "-c", confine].map(Into::into);
        let all = before.into_iter().chain(paths.clone()).chain([user, paths[0].clone()]);
        all.chain(self.stage.entrypoint.clone()).chain(command.iter().cloned()).collect()
    }

    fn home(&self) -> Home {
        let home = Home::new();
        self.stage.env.iter().fold(home, |home, (name, value)| home.set(name, value))
    }

    fn start(&self) -> Server {
        let mut arguments = self.run(&self.stage.command);
        arguments.push("--json".into());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let home = self.home().set("KEYWARD_SERVER_LISTEN", "127.0.0.1:0");
        home.start_by("/usr/bin/unshare", &arguments)
    }

    /// What a command says that ends by itself, with these variables besides the image's.
    fn say(&self, command: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
        let command: Vec<String> = command.iter().map(|&word| word.into()).collect();
        let mut run = Command::new("/usr/bin/unshare");
        run.args(self.run(&command)).env_clear();
        run.envs(self.stage.env.iter().map(|(name, value)| (name, value))).envs(env.iter().copied());
        let output = run.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }
}

#[test]
#[cfg_attr(not(keyward_test_root), ignore = "running the image's root needs root")]
fn m_05_the_image_holds_what_the_binary_needs_and_no_more() {
    let image = Image::build();
    assert_eq!(image.stage.env, [("PORT".to_owned(), "8000".to_owned())], "no settings, no secrets");
    for path in everything(&image.root()) {
        let name = path.display().to_string();
        let about = fs::symlink_metadata(image.root().join(&path)).unwrap();
        let known = ["keyward", "etc/ssl/certs/ca-certificates.crt"].contains(&name.as_str());
        let object = name.starts_with("lib") && name.contains(".so");
        assert!(about.is_dir() || known || object, "{name} has no business in the image");
        // The service owns its data and may change nothing else; nothing gives rights by being run.
        let (owner, rights) = if name == DATA { (65532, 0o700) } else { (0, 0o755) };
        assert_eq!((about.uid(), about.gid()), (owner, owner), "{name}");
        assert_eq!(about.mode() & 0o7777 & !rights, 0, "{name}");
    }
    assert!(image.stage.user.split(':').all(|id| id.parse::<u32>().unwrap() > 0), "{}", image.stage.user);
}

#[test]
fn m_05_the_build_sees_no_secrets() {
    let text = fs::read_to_string(Path::new(REPOSITORY).join(".dockerignore")).unwrap();
    let mut patterns = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(patterns.next(), Some("*"), "everything is outside at first");
    let inside: BTreeSet<&str> = patterns.filter_map(|pattern| pattern.strip_prefix('!')).collect();
    let expected = [
        ".cargo",
        "Cargo.lock",
        "Cargo.toml",
        "bench",
        "crates",
        "scripts/image-root",
        "src",
        "tests/s3-server",
    ];
    assert_eq!(inside, BTreeSet::from(expected));
    for name in inside {
        assert!(Path::new(REPOSITORY).join(name).exists(), "{name}");
    }
}

#[test]
#[cfg_attr(not(keyward_test_root), ignore = "running the image's root needs root")]
fn m_05_it_serves_from_a_read_only_root_as_nobody() {
    let image = Image::build();
    let server = image.start();
    server.get("/health/ready").expect(200);
    server.register("ada@example.com", PASSWORD).expect(201);
    server.me(&server.token("ada@example.com", PASSWORD)).expect(200);
    server.send(&call("POST", "/auth/login").form(&[("username", "ada@example.com")])).expect(422);

    let process = format!("/proc/{}", server.pid().as_raw_nonzero());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
    assert_eq!(line("Name:"), "keyward");
    assert_eq!(line("Uid:"), "65532\t65532\t65532\t65532");
    assert_eq!(line("Gid:"), "65532\t65532\t65532\t65532");
    assert_eq!(line("Groups:"), "");
    assert_eq!(line("CapEff:"), "0000000000000000");
    assert_eq!(line("CapPrm:"), "0000000000000000");
    assert_eq!(line("NoNewPrivs:"), "1");
    let mounts = fs::read_to_string(format!("{process}/mounts")).unwrap();
    let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap();
    assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");

    let about = fs::metadata(image.volume()).unwrap();
    assert_eq!((about.uid(), about.mode() & 0o777), (65532, 0o700));
    let files = everything(&image.volume());
    let names = ["keyward.db", "keyward.db-shm", "keyward.db-wal", "keyward.key", "pictures"];
    assert_eq!(files, names.into_iter().map(PathBuf::from).collect());
    for name in files {
        let about = fs::metadata(image.volume().join(&name)).unwrap();
        let mode = if about.is_dir() { 0o700 } else { 0o600 };
        assert_eq!((about.uid(), about.mode() & 0o777), (65532, mode), "{}", name.display());
    }
    server.stop();
    assert_eq!(everything(&image.root().join(DATA)), BTreeSet::new(), "the image itself is as it was");

    // The next container on the same volume knows the same people.
    let server = image.start();
    server.login("ada@example.com", PASSWORD).expect(200);
    server.stop();
}

#[test]
#[cfg_attr(not(keyward_test_root), ignore = "running the image's root needs root")]
fn the_image_takes_the_port_and_the_store_that_it_is_given() {
    let image = Image::build();
    let (code, shown) = image.say(&["config", "show"], &[]);
    assert!(code == Some(0) && shown.contains("0.0.0.0:8000"), "{shown}");
    let (code, shown) = image.say(&["config", "show"], &[("PORT", "10000")]);
    assert!(code == Some(0) && shown.contains("0.0.0.0:10000"), "{shown}");
    // Outside of the volume nothing can be written.
    let (code, said) = image.say(&["migrate"], &[("DATABASE_URL", "sqlite:/elsewhere/keyward.db")]);
    assert!(code == Some(1) && said.contains("Read-only file system"), "{code:?}: {said}");
}

/// A server that is named, not numbered, as in every container: the C library finds what it needs for that in the image,
/// and TLS finds its certificates.
#[test]
#[cfg_attr(not(keyward_test_root), ignore = "running the image's root needs root")]
fn the_image_finds_servers_by_name_and_has_certificates() {
    let image = Image::build();
    // What the one who runs a container puts there.
    fs::write(image.root().join("etc/hosts"), "127.0.0.1 store.test\n").unwrap();
    let migrate = |url: &str| {
        let (code, said) = image.say(&["migrate"], &[("DATABASE_URL", url), ("SECRET_KEY", &secret())]);
        assert_eq!(code, Some(1), "{said}");
        said
    };
    // Port 1 is nobody's.
    let said = migrate("postgres://keyward:none@store.test:1/keyward");
    assert!(said.contains("refused"), "{said}");
    let said = migrate("postgres://keyward:none@elsewhere.test:1/keyward");
    assert!(!said.contains("refused"), "only the file knows a name: {said}");
    let verified = "postgres://keyward:none@store.test:1/keyward?sslmode=verify-full&sslrootcert=system";
    let said = migrate(verified);
    assert!(said.contains("refused"), "{said}");
    fs::remove_file(image.root().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let said = migrate(verified);
    assert!(said.contains("no trusted certificates"), "{said}");
}
