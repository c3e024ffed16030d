"""The yardstick *pgbench*: the very statements that Keyward runs for a request, without HTTP and without Keyward. They
are read from PostgreSQL's log while Keyward answers, so they cannot differ from what it does."""

import base64
import json
import re
import subprocess

import machine

CLIENTS, THREADS = 16, 2


def _ids(token):
    """The user and the session that an access token names."""
    middle = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return {value for value in claims.values() if isinstance(value, str) and re.fullmatch(r"[0-9a-f-]{36}", value)}


def prepare(service, name, kind, request):
    """Writes the script `name`: the statements beginning with `kind` that `request(token)` makes. Each client has a user
    of its own, so that no two wait for the same row."""
    postgres, database = service.servers["postgres"], service.database
    every = service.users // CLIENTS
    tokens = service.files["access"].read_text().split()[::every][:CLIENTS]
    of_clients = []
    for token in tokens:
        ids = _ids(token)
        seen = postgres.statements(lambda: request(token))
        # What Keyward asks by itself meanwhile names no user.
        of_clients.append([one for one in seen if re.match(kind, one[0]) and ids & set(one[1])])
    texts = [[text for text, _ in of_client] for of_client in of_clients]
    if not texts[0] or texts != texts[:1] * CLIENTS:
        raise RuntimeError(f"not the same statements for each user, or none: {texts}")
    script, columns, rows = [], [], [[] for _ in tokens]
    for number, text in enumerate(texts[0]):
        for place, value in enumerate(of_clients[0][number][1], 1):
            variable = f"p{number}_{place}"
            nothing = value is None
            text = re.sub(rf"\${place}\b", "NULL" if nothing else f":{variable}", text)
            if not nothing:
                columns.append(variable)
                for row, of_client in zip(rows, of_clients):
                    row.append(of_client[number][1][place - 1])
        script.append(" ".join(text.split()) + ";")
    quoted = [", ".join("'" + value.replace("'", "''") + "'" for value in row) for row in rows]
    postgres.sql(
        database,
        f"CREATE SCHEMA IF NOT EXISTS bench; CREATE TABLE bench.{name} (client INT, "
        + ", ".join(f"{column} TEXT" for column in columns)
        + f"); INSERT INTO bench.{name} VALUES "
        + ", ".join(f"({client}, {row})" for client, row in enumerate(quoted)),
    )
    once = f"SELECT {', '.join(columns)} FROM bench.{name} WHERE client = :client_id \\gset"
    body = ["\\if :ready = 0", once, "\\set ready 1", "\\endif", *script]
    path = postgres.folder / f"{name}.pgbench"
    path.write_text("\n".join(body) + "\n")
    return path


def run(service, path, seconds, writes):
    """Transactions a second, and what CPU of PostgreSQL each took."""
    postgres = service.servers["postgres"]
    before = changed(service) if writes else 0
    command = postgres.command(
        "pgbench", "-n", "-M", "prepared", "-c", CLIENTS, "-j", THREADS, "-T", seconds, "-D", "ready=0", "-f", path,
        postgres.url_of(service.database),
    )  # fmt: skip
    with machine.Watch(postgres=postgres.pid) as watch:
        done = subprocess.run(command, **postgres.as_user(), capture_output=True, text=True)
    rate = re.search(r"^tps = ([\d.]+)", done.stdout, re.M)
    count = re.search(r"actually processed: (\d+)", done.stdout)
    if done.returncode or not rate or not count:
        raise RuntimeError("pgbench failed: " + done.stderr[-2000:])
    count = int(count[1])
    if writes and changed(service) - before < count:
        raise RuntimeError("pgbench's statements changed no rows")
    return {"per_second": float(rate[1]), "postgres_cpu_us": watch.used["postgres"] / max(1, count) * 1e6}


def changed(service):
    """Rows that were ever inserted, updated and deleted; backends that ended have told of all theirs."""
    text = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
    return int(service.servers["postgres"].sql(service.database, text))
