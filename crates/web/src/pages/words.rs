//! What the pages say, in the languages they speak, and which of them somebody wants. `{email}`, `{n}` and `{product}` are
//! places to be filled. Nothing here is HTML.

use keyward_auth::values::AcceptLanguage;

/// What a page asks for, and what it says once that is done.
pub(crate) struct Ask {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) button: &'static str,
    pub(crate) done_title: &'static str,
    pub(crate) done_text: &'static str,
}

pub(crate) struct Words {
    pub(crate) language: &'static str,
    pub(crate) direction: &'static str,

    pub(crate) verify: Ask,
    pub(crate) change: Ask,
    pub(crate) undo: Ask,
    pub(crate) reset: Ask,
    pub(crate) invite: Ask,
    pub(crate) set_up: Ask,

    pub(crate) email: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) repeat: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) api_pages: &'static str,

    /// What is wrong with what was typed.
    pub(crate) bad_email: &'static str,
    pub(crate) email_taken: &'static str,
    pub(crate) missing: &'static str,
    pub(crate) too_short: &'static str,
    pub(crate) too_long: &'static str,
    pub(crate) common: &'static str,
    pub(crate) guessable: &'static str,
    pub(crate) unfit: &'static str,
    pub(crate) mismatch: &'static str,

    /// What became of it, as title and text.
    pub(crate) nowhere: [&'static str; 2],
    pub(crate) setup_nowhere: &'static str,
    pub(crate) taken: [&'static str; 2],
    pub(crate) limited: [&'static str; 2],
    pub(crate) unavailable: [&'static str; 2],
    pub(crate) again: &'static str,
}

impl Words {
    /// In the most wanted of the languages that the pages speak; English for everybody else.
    pub(crate) fn chosen(languages: Option<&AcceptLanguage>) -> &'static Self {
        let wanted = languages.map(AcceptLanguage::wanted).unwrap_or_default();
        let spoken = |tag: &str| {
            let primary = tag.split('-').next().unwrap_or_default();
            [&ENGLISH, &ARABIC].into_iter().find(|words| words.language.eq_ignore_ascii_case(primary))
        };
        wanted.into_iter().find_map(spoken).unwrap_or(&ENGLISH)
    }

    /// What is wrong with a password or an address, by the code of the rule.
    pub(crate) fn fault(&self, code: &str) -> &'static str {
        match code {
            "invalid_email" => self.bad_email,
            "taken" => self.email_taken,
            "required" => self.missing,
            "password_too_short" => self.too_short,
            "password_too_long" => self.too_long,
            "common_password" => self.common,
            "guessable_password" => self.guessable,
            "contradiction" => self.mismatch,
            _ => self.unfit,
        }
    }
}

static ENGLISH: Words = Words {
    language: "en",
    direction: "ltr",
    verify: Ask {
        title: "Confirm your address",
        text: "Press the button to confirm that {email} is yours.",
        button: "Confirm",
        done_title: "Your address is confirmed",
        done_text: "{email} is confirmed. You can close this page.",
    },
    change: Ask {
        title: "Confirm your new address",
        text: "Press the button, and {email} becomes the address of your account.",
        button: "Use this address",
        done_title: "Your address was changed",
        done_text: "{email} is the address of your account now. You can close this page.",
    },
    undo: Ask {
        title: "Undo the change of address",
        text: "Press the button, and {email} is the address of your account, as before. All devices are signed out then, and you choose a new password.",
        button: "Undo the change",
        done_title: "The change is undone",
        done_text: "{email} is the address of your account, all devices were signed out, and the password of before is void. A mail is on its way to you: choose a new password with it.",
    },
    reset: Ask {
        title: "Choose a new password",
        text: "All devices are signed out then. Sign in again with the new password.",
        button: "Set the password",
        done_title: "Your new password is set",
        done_text: "Sign in with it. All devices were signed out.",
    },
    invite: Ask {
        title: "Choose your password",
        text: "An account was made for you. Choose a password, and it is yours.",
        button: "Set the password",
        done_title: "Your account is ready",
        done_text: "Sign in with {email} and your password.",
    },
    set_up: Ask {
        title: "Set up {product}",
        text: "This makes the first administrator. The link works once.",
        button: "Make the administrator",
        done_title: "You are the administrator",
        done_text: "The account is made, and this link no longer works.",
    },
    email: "E-mail",
    new_password: "New password",
    repeat: "The same once more",
    hint: "At least {n} characters. A few words are better than a few symbols.",
    api_pages: "Sign in at the API's pages with the Authorize button.",
    bad_email: "This is not an e-mail address.",
    email_taken: "A user with this e-mail address exists. Choose another, or make that user an administrator on the command line.",
    missing: "Something is still missing.",
    too_short: "The password is too short. It needs at least {n} characters.",
    too_long: "The password is too long.",
    common: "This password is too common. Choose another.",
    guessable: "A password is not your own name or address. Choose another.",
    unfit: "This cannot be a password. Choose another.",
    mismatch: "The two passwords are not the same.",
    nowhere: [
        "This link no longer works",
        "It was used already, its time is over, or a newer mail has taken its place. If you still need it, ask for another mail.",
    ],
    setup_nowhere: "It was used already, it is of an earlier start, or there is an administrator. While there is no administrator, every start prints a new link.",
    taken: ["This address is taken", "{email} belongs to another account by now. Nothing was changed."],
    limited: ["Too many tries", "Wait a while before you try again. Seconds to go: {n}"],
    unavailable: ["Not right now", "This cannot be done at the moment. Try again a little later."],
    again: "Try again",
};

static ARABIC: Words = Words {
    language: "ar",
    direction: "rtl",
    verify: Ask {
        title: "تأكيد بريدك الإلكتروني",
        text: "اضغط الزر لتأكيد أن العنوان {email} لك.",
        button: "تأكيد",
        done_title: "تم تأكيد بريدك الإلكتروني",
        done_text: "تم تأكيد العنوان {email}. يمكنك إغلاق هذه الصفحة.",
    },
    change: Ask {
        title: "تأكيد بريدك الإلكتروني الجديد",
        text: "اضغط الزر ليصبح {email} عنوان حسابك.",
        button: "استخدام هذا العنوان",
        done_title: "تم تغيير بريدك الإلكتروني",
        done_text: "أصبح {email} عنوان حسابك. يمكنك إغلاق هذه الصفحة.",
    },
    undo: Ask {
        title: "التراجع عن تغيير العنوان",
        text: "اضغط الزر ليكون {email} عنوان حسابك كما كان. سيتم تسجيل الخروج من جميع الأجهزة، وستختار كلمة مرور جديدة.",
        button: "التراجع عن التغيير",
        done_title: "تم التراجع عن التغيير",
        done_text: "عنوان حسابك هو {email}، وتم تسجيل الخروج من جميع الأجهزة، ولم تعد كلمة المرور السابقة صالحة. ستصلك رسالة لاختيار كلمة مرور جديدة.",
    },
    reset: Ask {
        title: "اختر كلمة مرور جديدة",
        text: "سيؤدي ذلك إلى تسجيل الخروج من هذا الحساب على جميع الأجهزة. سجّل الدخول بعدها من جديد.",
        button: "حفظ كلمة المرور",
        done_title: "تم حفظ كلمة المرور الجديدة",
        done_text: "سجّل الدخول بها. تم تسجيل الخروج من جميع الأجهزة.",
    },
    invite: Ask {
        title: "اختر كلمة المرور",
        text: "أُنشئ لك حساب، ولا ينقصه إلا كلمة مرور ليصبح حسابك.",
        button: "حفظ كلمة المرور",
        done_title: "حسابك جاهز",
        done_text: "سجّل الدخول بالعنوان {email} وبكلمة المرور.",
    },
    set_up: Ask {
        title: "إعداد {product}",
        text: "هنا يُنشأ حساب المشرف الأول. يعمل الرابط مرة واحدة.",
        button: "إنشاء حساب المشرف",
        done_title: "أنت المشرف الآن",
        done_text: "أُنشئ الحساب، ولم يعد هذا الرابط يعمل.",
    },
    email: "البريد الإلكتروني",
    new_password: "كلمة المرور الجديدة",
    repeat: "كلمة المرور مرة أخرى",
    hint: "الحد الأدنى لعدد الأحرف: {n}. بضع كلمات خير من بضعة رموز.",
    api_pages: "سجّل الدخول من صفحات الواجهة البرمجية بالزر Authorize.",
    bad_email: "هذا ليس عنوان بريد إلكتروني.",
    email_taken: "يوجد مستخدم بهذا العنوان. اختر عنوانًا آخر، أو اجعل ذلك المستخدم مشرفًا من سطر الأوامر.",
    missing: "ما زال شيء ناقصًا.",
    too_short: "كلمة المرور قصيرة. الحد الأدنى لعدد الأحرف: {n}.",
    too_long: "كلمة المرور طويلة جدًا.",
    common: "كلمة المرور هذه شائعة جدًا. اختر غيرها.",
    guessable: "لا يصلح اسمك أو عنوانك كلمةَ مرور. اختر غيرها.",
    unfit: "لا يصلح هذا كلمةَ مرور. اختر غيرها.",
    mismatch: "كلمتا المرور غير متطابقتين.",
    nowhere: [
        "لم يعد هذا الرابط يعمل",
        "استُخدم من قبل، أو انتهت مدته، أو حلّت محله رسالة أحدث. إن كنت ما زلت بحاجة إليه فاطلب رسالة أخرى.",
    ],
    setup_nowhere: "استُخدم من قبل، أو هو من تشغيل سابق، أو يوجد مشرف. ما دام لا يوجد مشرف، يطبع كل تشغيل رابطًا جديدًا.",
    taken: ["هذا العنوان لحساب آخر", "أصبح {email} تابعًا لحساب آخر. لم يتغير شيء."],
    limited: ["محاولات كثيرة", "انتظر قليلًا قبل أن تحاول مرة أخرى. الثواني المتبقية: {n}"],
    unavailable: ["غير متاح الآن", "لا يمكن تنفيذ ذلك في هذه اللحظة. حاول مرة أخرى بعد قليل."],
    again: "حاول مرة أخرى",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_that_is_spoken() {
        for (languages, chosen) in [
            ("de,fr;q=0.5", "en"),
            ("ar", "ar"),
            ("AR-eg", "ar"),
            ("de,ar;q=0.5", "ar"),
            ("en;q=0.5, ar;q=0.8", "ar"),
            ("arc", "en"),
            ("*", "en"),
        ] {
            let languages = AcceptLanguage::parse(languages);
            assert_eq!(Words::chosen(languages.as_ref()).language, chosen, "{languages:?}");
        }
        assert_eq!(Words::chosen(None).language, "en");
    }
}
