//! `keyward user`: users, by whoever may run commands beside the database. The same flows as over HTTP; a running
//! service sees the changes at its next request.

use super::out::Out;
use super::{Common, Failure, block_on, open, parsed, value};
use clap::{Args, Subcommand};
use keyward_auth::Keyward;
use keyward_auth::flows::{By, Caller, Edit, NewUser, Target};
use keyward_auth::policy::Verification;
use keyward_auth::records::{Event, Search, User as Person};
use keyward_auth::values::{Email, Invalid, Locale, Metadata, Name, Password, Role, Roles, Username};
use serde_json::json;
use std::io::{BufRead, IsTerminal, stdin};

#[derive(Subcommand)]
pub(super) enum User {
    /// Make a user; the password is asked for, read from standard input, or left to the user to set
    #[command(
        after_help = "Examples:\n  keyward user create --email ada@example.com --role admin --role user\n  keyward user create --email bob@example.com --invite\n  echo \"$PASSWORD\" | keyward user create --username carl --password-stdin"
    )]
    Create(Create),
    /// List users, oldest first
    #[command(after_help = "Examples:\n  keyward user list --role admin\n  keyward user list --q ada --json")]
    List(List),
    /// Show one user and the latest security events
    #[command(after_help = "Example:\n  keyward user show ada@example.com")]
    Show(Who),
    /// Change a user; what is not named stays
    #[command(
        after_help = "Example:\n  keyward user update ada --email ada@example.org --verified --role admin"
    )]
    Update(Update),
    /// Shut a user out at once, keeping the account
    #[command(after_help = "Example:\n  keyward user disable ada")]
    Disable(Who),
    /// Let a disabled user sign in again
    #[command(after_help = "Example:\n  keyward user enable ada")]
    Enable(Who),
    /// Send a user a mail to set a new password
    #[command(after_help = "Example:\n  keyward user reset-password ada@example.com")]
    ResetPassword(Who),
    /// Delete a user for good, sessions and all
    #[command(after_help = "Example:\n  keyward user delete 0192f0c1-7b1a-7000-8000-000000000001")]
    Delete(Who),
}

#[derive(Args)]
pub(super) struct Who {
    /// An id, a username or an e-mail address
    user: String,
}

#[derive(Args)]
pub(super) struct Profile {
    /// The e-mail address to sign in with; counts at once, proven or not
    #[arg(long)]
    email: Option<String>,
    /// The username to sign in with; needed where there is no e-mail address
    #[arg(long)]
    username: Option<String>,
    /// The first name
    #[arg(long)]
    first_name: Option<String>,
    /// The last name
    #[arg(long)]
    last_name: Option<String>,
    /// A language tag such as en or pt-BR
    #[arg(long)]
    locale: Option<String>,
    /// user or admin; several times for several. An update replaces the roles that were there
    #[arg(long = "role")]
    roles: Vec<String>,
    /// The e-mail address counts as proven
    #[arg(long)]
    verified: bool,
}

#[derive(Args)]
pub(super) struct Create {
    #[command(flatten)]
    profile: Profile,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Mail the user a link to set the password
    #[arg(long, conflicts_with = "password_stdin", requires = "email")]
    invite: bool,
}

#[derive(Args)]
pub(super) struct Update {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    profile: Profile,
}

#[derive(Args)]
pub(super) struct List {
    /// The beginning of an e-mail address or username
    #[arg(long)]
    q: Option<String>,
    /// Only users with this role
    #[arg(long)]
    role: Option<String>,
    /// At most this many
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    limit: usize,
}

pub(super) fn run(common: &Common, out: Out, command: User) -> Result<(), Failure> {
    let config = common.load()?;
    block_on(async {
        let keyward = open(&config, out).await?;
        match command {
            User::Create(create) => self::create(&keyward, out, create).await,
            User::List(list) => self::list(&keyward, out, list).await,
            User::Show(who) => show(&keyward, out, &who).await,
            User::Update(update) => self::update(&keyward, out, update).await,
            User::Disable(who) => {
                edit(&keyward, out, &who, Edit { active: Some(false), ..Edit::default() }).await
            }
            User::Enable(who) => {
                edit(&keyward, out, &who, Edit { active: Some(true), ..Edit::default() }).await
            }
            User::ResetPassword(who) => reset_password(&keyward, out, &who).await,
            User::Delete(who) => delete(&keyward, out, &who).await,
        }
    })
}

async fn create(keyward: &Keyward, out: Out, create: Create) -> Result<(), Failure> {
    let password = match create.invite {
        true => None,
        false => Some(value("password", Password::parse(&read_password(create.password_stdin)?))?),
    };
    let profile = create.profile;
    let roles = roles(&profile)?.unwrap_or_else(|| Roles::new([Role::user()]));
    let new = NewUser {
        password,
        email: parsed("--email", profile.email.as_deref(), Email::parse)?,
        username: parsed("--username", profile.username.as_deref(), Username::parse)?,
        first_name: parsed("--first-name", profile.first_name.as_deref(), Name::parse)?,
        last_name: parsed("--last-name", profile.last_name.as_deref(), Name::parse)?,
        locale: parsed("--locale", profile.locale.as_deref(), Locale::parse)?,
        picture: None,
        roles,
        email_verified: profile.verified,
        active: true,
        metadata: Metadata::default(),
    };
    let user = keyward.create_user(By::Operator, new, &Caller::default()).await.map_err(Failure::refused)?;
    print(out, &user);
    let must_prove = keyward.policy.verification == Verification::Required && user.password.is_some();
    if must_prove && user.email.is_some() && user.email_verified_at.is_none() {
        out.note(&format!(
            "accounts.verification is required: {0} signs in once the address is proven by the mail that goes to it; \
             `keyward user update {0} --verified` proves it now",
            user.email.as_ref().map_or("-", Email::as_str)
        ));
    }
    Ok(())
}

async fn update(keyward: &Keyward, out: Out, update: Update) -> Result<(), Failure> {
    let profile = update.profile;
    let change = Edit {
        username: parsed("--username", profile.username.as_deref(), Username::parse)?.map(Some),
        email: parsed("--email", profile.email.as_deref(), Email::parse)?.map(Some),
        first_name: parsed("--first-name", profile.first_name.as_deref(), Name::parse)?.map(Some),
        last_name: parsed("--last-name", profile.last_name.as_deref(), Name::parse)?.map(Some),
        locale: parsed("--locale", profile.locale.as_deref(), Locale::parse)?.map(Some),
        roles: roles(&profile)?,
        email_verified: profile.verified.then_some(true),
        ..Edit::default()
    };
    edit(keyward, out, &update.who, change).await
}

async fn edit(keyward: &Keyward, out: Out, who: &Who, change: Edit) -> Result<(), Failure> {
    let user = find(keyward, who).await?;
    let edited = keyward.edit_user(By::Operator, &Target::Id(user.id), change, &Caller::default()).await;
    print(out, &edited.map_err(Failure::refused)?);
    Ok(())
}

/// A running service sends it; nobody sets another's password.
async fn reset_password(keyward: &Keyward, out: Out, who: &Who) -> Result<(), Failure> {
    let user = find(keyward, who).await?;
    let sent = keyward.send_reset(By::Operator, &Target::Id(user.id), &Caller::default()).await;
    sent.map_err(Failure::refused)?;
    let email = user.email.as_ref().map_or("-", Email::as_str);
    let text =
        format!("a mail to set a new password waits for {email}; a running service sends it within seconds");
    out.answer(&text, &json!({ "mailed": user.id.to_string() }));
    Ok(())
}

async fn delete(keyward: &Keyward, out: Out, who: &Who) -> Result<(), Failure> {
    let user = find(keyward, who).await?;
    let deleted = keyward.delete_user(By::Operator, &Target::Id(user.id), None, &Caller::default()).await;
    deleted.map_err(Failure::refused)?;
    out.answer(&format!("deleted {}", user.id), &json!({ "deleted": user.id.to_string() }));
    Ok(())
}

/// How many are read at a time.
const PAGE: usize = 200;

async fn list(keyward: &Keyward, out: Out, list: List) -> Result<(), Failure> {
    let role = parsed("--role", list.role.as_deref(), Role::parse)?;
    let mut search = Search {
        prefix: list.q.map(|q| q.trim().to_lowercase()),
        role: role.map(|role| role.as_str().to_owned()),
        ..Search::default()
    };
    let mut left = list.limit;
    while left > 0 {
        search.limit = left.min(PAGE);
        let (users, next) =
            keyward.list_users(By::Operator, search.clone()).await.map_err(Failure::refused)?;
        left -= users.len();
        users.iter().for_each(|user| print(out, user));
        search.after = next;
        if next.is_none() {
            break;
        }
    }
    Ok(())
}

async fn show(keyward: &Keyward, out: Out, who: &Who) -> Result<(), Failure> {
    let user = find(keyward, who).await?;
    let events = keyward.events_of(By::Operator, user.id, 10).await.map_err(Failure::refused)?;
    let line = |event: &Event| {
        let from = event.address.map(|address| format!(" from {address}")).unwrap_or_default();
        let unknown = if event.is_intent { ", begun; what became of it is not known" } else { "" };
        format!("  {}  {}{from}{unknown}", event.at, event.kind.as_str())
    };
    let lines: Vec<String> = events.iter().map(line).collect();
    let mut value = keyward_web::user_json(&user);
    let event = |event: &Event| {
        let (at, is_known) = (event.at.to_string(), !event.is_intent);
        json!({"at": at, "event": event.kind.as_str(), "address": event.address, "outcome_known": is_known})
    };
    value["events"] = events.iter().map(event).collect();
    out.answer(&format!("{}\n{}", row(&user), lines.join("\n")), &value);
    Ok(())
}

fn print(out: Out, user: &Person) {
    out.answer(&row(user), &keyward_web::user_json(user));
}

fn row(user: &Person) -> String {
    let roles: Vec<&str> = user.roles.iter().map(Role::as_str).collect();
    format!(
        "{}  {:20}  {:32}  {:12}  {}",
        user.id,
        user.username.as_ref().map_or("-", Username::as_str),
        user.email.as_ref().map_or("-", Email::as_str),
        roles.join(","),
        if user.is_active() { "active" } else { "disabled" },
    )
}

async fn find(keyward: &Keyward, who: &Who) -> Result<Person, Failure> {
    let found = match (who.user.contains('@'), Email::parse(&who.user)) {
        (true, Ok(email)) => keyward.store.users.by_email(&email).await,
        (true, Err(_)) => Ok(None),
        (false, _) => keyward.view_user(By::Operator, &Target::parse(&who.user)).await,
    };
    found.map_err(Failure::refused)?.ok_or_else(|| Failure::Refused(format!("there is no user {}", who.user)))
}

fn roles(profile: &Profile) -> Result<Option<Roles>, Failure> {
    if profile.roles.is_empty() {
        return Ok(None);
    }
    let roles: Result<Vec<Role>, Invalid> = profile.roles.iter().map(|role| Role::parse(role)).collect();
    value("--role", roles).map(|roles| Some(Roles::new(roles)))
}

/// Never an argument: those are seen by every process of the machine and kept in histories.
fn read_password(from_stdin: bool) -> Result<String, Failure> {
    if !from_stdin && stdin().is_terminal() {
        let password = rpassword::prompt_password("Password: ").map_err(Failure::refused)?;
        let again = rpassword::prompt_password("Once more: ").map_err(Failure::refused)?;
        // Nobody could tell a slip from the password, and nobody else may set another.
        return if password == again {
            Ok(password)
        } else {
            Err(Failure::Refused("the two are not the same".into()))
        };
    }
    if !from_stdin {
        return Err(Failure::Refused(
            "give the password with --password-stdin, or have an invitation mailed with --invite".into(),
        ));
    }
    let mut line = String::new();
    stdin().lock().read_line(&mut line).map_err(Failure::refused)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
