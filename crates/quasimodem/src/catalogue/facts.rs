//! What is known of a command, in words. Everything follows from its row.

use quasimodem_core::{Clients, Command, ErrorStyle, MODELS, Model, Needs, Param, ParamKind, Returns};

/// The forms that a command has, by what stands behind its name; `-`: nothing.
pub(super) fn forms(command: &Command) -> Vec<&'static str> {
    let has = |has, form| if has { Some(form) } else { None };
    let set = if command.is_basic() { "-" } else { "=" };
    let forms = [
        has(command.has_exec(), "-"),
        has(command.has_set(), set),
        has(command.has_read(), "?"),
        has(command.has_test(), "=?"),
    ];
    forms.into_iter().flatten().collect()
}

/// The forms that a command has, as they are typed, parameters by their names.
pub(super) fn syntax(command: &Command) -> Vec<String> {
    let name = format!("AT{}", command.name);
    let mut lines = Vec::new();
    if command.has_exec() {
        lines.push(name.clone());
    }
    for (params, _) in command.set_forms() {
        let equals = if command.is_basic() { "" } else { "=" };
        let mut line = format!("{name}{equals}");
        for (index, param) in params.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let name = match (&command.cases, param.kind) {
                (cases, ParamKind::Number { min, .. }) if index == 0 && !cases.is_empty() => min.to_string(),
                _ => format!("<{}>", param.name),
            };
            line += &if param.optional { format!("[{comma}{name}]") } else { format!("{comma}{name}") };
        }
        lines.push(line);
    }
    if command.has_read() {
        lines.push(format!("{name}?"));
    }
    if command.has_test() {
        lines.push(format!("{name}=?"));
    }
    lines
}

/// What `=?` prints, line by line.
pub(super) fn test_answer(command: &Command, model: &'static Model) -> Vec<String> {
    command.test_lines(model).map(|line| line.to_string()).collect()
}

/// The parameters of all set forms, each once, without the numbers that tell the forms apart.
pub(super) fn parameters(command: &Command) -> Vec<&'static Param> {
    let selectors = usize::from(!command.cases.is_empty());
    let mut known: Vec<&Param> = Vec::new();
    for param in command.set_forms().flat_map(|(params, _)| params.iter().skip(selectors)) {
        let like = |other: &&Param| {
            let model = Default::default();
            other.name == param.name
                && other.optional == param.optional
                && words(other.kind, model) == words(param.kind, model)
        };
        if !known.iter().any(like) {
            known.push(param);
        }
    }
    known
}

/// When the answer is complete.
pub(super) fn returns(command: &Command) -> String {
    match command.returns {
        Returns::Now => "answers at once".into(),
        Returns::Final { within } => format!("answers within {} ms", within.as_millis()),
        Returns::Urc { within } => {
            format!("answers at once, its result `{}: …` follows within {} ms", command.name, within.as_millis())
        }
    }
}

/// How an error is answered.
pub(super) fn errors(style: ErrorStyle) -> &'static str {
    match style {
        ErrorStyle::Plain => "ERROR",
        ErrorStyle::Cme => "+CME ERROR",
    }
}

/// What must be there.
pub(super) fn needs(command: &Command) -> &'static str {
    match command.needs {
        Needs::Nothing => "nothing",
        Needs::Sim => "SIM",
        Needs::Registration => "registration",
        Needs::DataCall => "data call",
    }
}

/// The models that have a command.
pub(super) fn models_of(command: &Command) -> Vec<&'static Model> {
    MODELS.iter().filter(|model| (command.on)(model)).collect()
}

/// The models of a command by what a parameter is on them, in the order of the models.
pub(super) fn variants<T: PartialEq>(
    command: &Command,
    of: impl Fn(&'static Model) -> T,
) -> Vec<(T, Vec<&'static Model>)> {
    let mut variants: Vec<(T, Vec<&Model>)> = Vec::new();
    for model in models_of(command) {
        let value = of(model);
        match variants.iter_mut().find(|(known, _)| *known == value) {
            Some((_, models)) => models.push(model),
            None => variants.push((value, vec![model])),
        }
    }
    variants
}

/// What a parameter may be, and where that is different.
pub(super) fn bounds(command: &Command, param: &Param) -> String {
    let mut variants = variants(command, |model| words(param.kind, model));
    let most = variants.iter().map(|(_, models)| models.len()).max().unwrap_or_default();
    if variants.len() == 1 {
        return variants.remove(0).0;
    }
    // The last of those that most models have, so that the shortest lists are printed.
    let elsewhere = variants.iter().rposition(|(_, models)| models.len() == most);
    let elsewhere = elsewhere.map(|index| variants.remove(index).0).unwrap_or_default();
    let mut parts: Vec<String> =
        variants.iter().map(|(words, models)| format!("{words} on {}", names(models))).collect();
    parts.push(format!("{elsewhere} elsewhere"));
    parts.join("; ")
}

/// The names of models; a whole series by its own.
pub(super) fn names(models: &[&Model]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for model in models {
        let series = model.series;
        let whole = MODELS.iter().filter(|other| other.series == series).all(|other| models.contains(&other));
        let name = if whole { series } else { model.name };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn words(kind: ParamKind, model: &'static Model) -> String {
    let bytes = |what: &str, max: usize| format!("{what} of up to {max} bytes");
    match kind {
        ParamKind::Client(clients) => one_of(&ids(clients, model)),
        ParamKind::Number { min, max, offered } => {
            let max = offered.map_or(max, |offered| offered(model));
            match max - min {
                0 => min.to_string(),
                1 => format!("{min} or {max}"),
                _ => format!("{min} to {max}"),
            }
        }
        ParamKind::OneOf(numbers) => one_of(numbers),
        ParamKind::Word(words) => one_of(words),
        ParamKind::Switch => "0 or 1, in quotes or not".into(),
        ParamKind::Text(limit) | ParamKind::Bytes(limit) => bytes("text", limit.of(model)),
        ParamKind::Host(max) => format!("name or address of up to {max} characters"),
        ParamKind::TopicName(max) => bytes("topic name", max),
        ParamKind::WillTopic(max) => bytes("topic name or empty", max),
        ParamKind::TopicFilter(max) => bytes("topic filter", max),
        ParamKind::Payload { max, min_size } => {
            format!(
                "quoted: payload of up to {max} bytes; a number from {min_size} to {max}: size of raw data that follow"
            )
        }
        ParamKind::Message(max) => bytes("payload", max),
        ParamKind::Anything => "anything; it is not looked at".into(),
    }
}

/// The ids of clients.
pub(super) fn ids(clients: Clients, model: &'static Model) -> Vec<u32> {
    clients.of(model).filter_map(|id| id.to_string().parse().ok()).collect()
}

fn one_of<T: ToString>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    match values.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => "none".into(),
    }
}
