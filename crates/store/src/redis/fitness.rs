//! Whether a Redis will do: new enough, no part of a cluster, a primary, and its user allowed every command that is
//! used. And what the operator should know, though Keyward starts: what may lose sessions.

use super::RedisSettings;
use super::connection::Link;
use super::trouble::{Trouble, is_full};
use redis::{Pipeline, Value};

/// Every command that is sent or called by a script, once, on one key of a moment.
const COMMANDS: [(&str, &[&str]); 16] = [
    ("SET", &["1", "PX", "10000"]),
    ("GET", &[]),
    ("DEL", &[]),
    ("HSET", &["user", "1"]),
    ("HGET", &["user"]),
    ("HMGET", &["user"]),
    ("HGETALL", &[]),
    ("HDEL", &["nobody"]),
    ("PEXPIRE", &["10000"]),
    ("PTTL", &[]),
    ("DEL", &[]),
    ("ZADD", &["1", "1"]),
    ("ZRANGE", &["0", "-1"]),
    ("ZREVRANGE", &["0", "-1"]),
    ("ZREM", &["1"]),
    ("DEL", &[]),
];

/// Refuses what cannot work; warns of what may lose sessions.
pub(super) async fn look(link: &Link, settings: &RedisSettings) -> Result<(), Trouble> {
    let mut connection = link.connection.clone();
    let info = connection.send_packed_command(&redis::cmd("INFO")).await;
    let info = match info.map_err(|error| Trouble::of_wire(&error))? {
        Value::ServerError(_) => String::new(),
        text => redis::from_redis_value(text).unwrap_or_default(),
    };
    kind(&info)?;
    rights(link, &settings.prefix).await?;

    // Often forbidden; then nothing is known.
    let save = connection.send_packed_command(redis::cmd("CONFIG").arg("GET").arg("save")).await;
    let save: Vec<String> =
        save.ok().and_then(|value| redis::from_redis_value(value).ok()).unwrap_or_default();
    for warning in warnings(&info, save.get(1).map(String::as_str)) {
        tracing::warn!("{} {warning}", settings.url);
    }
    Ok(())
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn kind(info: &str) -> Result<(), Trouble> {
    if field(info, "redis_mode") == Some("sentinel") {
        return Err(Trouble::Sentinel);
    }
    if field(info, "cluster_enabled") == Some("1") {
        return Err(Trouble::Cluster);
    }
    if field(info, "role") == Some("slave") {
        return Err(Trouble::ReadOnly);
    }
    if let Some(version) = field(info, "redis_version") {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
        if (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) < (6, 2) {
            return Err(Trouble::Old(version.into()));
        }
    }
    Ok(())
}

async fn rights(link: &Link, prefix: &str) -> Result<(), Trouble> {
    let mut commands = Pipeline::new();
    for (name, arguments) in COMMANDS {
        commands.cmd(name).arg(format!("{prefix}:probe")).arg(arguments);
    }
    for (name, script) in [("EVAL", "return 1"), ("EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")] {
        commands.cmd(name).arg(script).arg(1).arg(format!("{prefix}:probe"));
    }
    let names = COMMANDS.iter().map(|(name, _)| *name).chain(["EVAL", "EVALSHA"]);
    let mut connection = link.connection.clone();
    let answers = connection.send_packed_commands(&commands, 0, commands.len()).await;
    let answers = answers.map_err(|error| Trouble::of_wire(&error))?;

    let mut missing = Vec::new();
    for (name, answer) in names.zip(&answers) {
        let Value::ServerError(error) = answer else { continue };
        let is_unknown = error.details().is_some_and(|text| text.starts_with("unknown command"));
        if error.code() == "NOPERM" || is_unknown {
            if !missing.contains(&name) {
                missing.push(name);
            }
        } else if error.code() != "NOSCRIPT" && !is_full(error) {
            return Err(Trouble::of_answer(error));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Trouble::Rights { missing: missing.join(" "), rule: rule(prefix) })
}

/// What the user needs, as ACL SETUSER takes it.
fn rule(prefix: &str) -> String {
    let mut names: Vec<String> = COMMANDS.iter().map(|(name, _)| name.to_lowercase()).collect();
    names.extend(["eval", "evalsha", "info"].map(str::to_owned));
    names.sort_unstable();
    names.dedup();
    format!("~{prefix}:* +{}", names.join(" +"))
}

/// What may lose sessions, or bring ended ones back. `save` is when snapshots are made, if that is known.
fn warnings(info: &str, save: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let policy = field(info, "maxmemory_policy").unwrap_or("noeviction");
    if policy != "noeviction" {
        found.push(format!(
            "may drop sessions when its memory is full (maxmemory-policy {policy}): people are signed out then; set \
             noeviction"
        ));
    }
    if field(info, "aof_enabled") == Some("0") {
        found.push(match save {
            Some("") => "keeps nothing on disk: everybody is signed out when it restarts; set appendonly yes".into(),
            _ => "keeps snapshots at most (appendonly no): after a crash, sign-ins since the last one are lost, and \
                  single sign-outs since then are undone; set appendonly yes"
                .to_owned(),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused() {
        for (info, hint) in [
            ("redis_version:6.0.16\r\nrole:master\r\n", "too old"),
            ("redis_version:7.0.15\r\nrole:slave\r\n", "replica"),
            ("redis_version:7.0.15\r\nrole:master\r\ncluster_enabled:1\r\n", "cluster"),
            ("redis_version:7.0.15\r\nredis_mode:sentinel\r\n", "Sentinel"),
        ] {
            assert!(kind(info).unwrap_err().to_string().contains(hint), "{info}");
        }
        for info in ["", "redis_version:6.2.0\r\nrole:master", "redis_version:10.1", "redis_version:7.2.4"] {
            kind(info).unwrap();
        }
    }

    #[test]
    fn what_may_lose_sessions_is_told() {
        let good = "maxmemory_policy:noeviction\r\naof_enabled:1\r\n";
        assert!(warnings(good, Some("")).is_empty() && warnings("", None).is_empty());
        assert!(warnings("maxmemory_policy:allkeys-lru", None)[0].contains("allkeys-lru"));
        assert!(warnings("aof_enabled:0", Some(""))[0].contains("nothing on disk"));
        assert!(warnings("aof_enabled:0", Some("3600 1"))[0].contains("undone"));
    }
}
