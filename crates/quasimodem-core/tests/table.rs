//! Every row of the command table, on every model, in every form, with arguments at, inside and outside each bound.

use std::collections::HashSet;

use quasimodem_core::{
    COMMANDS, Case, ClientId, Command, Effect, ErrorStyle, Host, Imei, Input, Instant, Kind, MODELS, Model, Modem,
    Note, Outbox, Param, ParamKind, Problem, Settings, Test,
};

/// What a line came to.
struct Answer {
    /// Information lines and the final result code, as they were written.
    text: String,
    problem: Option<Problem>,
}

fn answer(model: &'static Model, line: &str) -> Answer {
    let settings = Settings { model, echo: false, ..Settings::default() };
    let mut modem = Modem::new(settings.into(), Imei::default());
    let mut outbox = Outbox::default();
    modem.handle(Instant::START, Input::Host(Host::Attached), &mut outbox);
    outbox.clear();
    for chunk in format!("{line}\r").as_bytes().chunks(Input::CHUNK) {
        modem.handle(Instant::START, Input::Serial(chunk), &mut outbox);
    }
    let mut answer = Answer { text: String::new(), problem: None };
    for effect in outbox.effects() {
        match effect {
            Effect::Serial(Kind::Info | Kind::Final | Kind::Prompt, marked) => {
                answer.text.push_str(&String::from_utf8_lossy(marked.bytes()));
            }
            Effect::Note(Note::Refused(refusal)) => answer.problem = Some(refusal.problem),
            _ => {}
        }
    }
    answer
}

fn rows_and_models() -> impl Iterator<Item = (&'static Command, &'static Model)> {
    MODELS.iter().flat_map(|model| COMMANDS.iter().map(move |row| (*row, model)))
}

/// Values that a parameter takes on a model: the ends of its range, and one between them.
fn good(param: &Param, model: &'static Model) -> Vec<String> {
    let quoted = |length: usize| format!("\"{}\"", "x".repeat(length));
    match param.kind {
        ParamKind::Client(clients) => clients.of(model).map(|id| id.to_string()).collect(),
        ParamKind::Number { min, max, offered } => {
            let max = offered.map_or(max, |offered| offered(model));
            [min, max, min.midpoint(max)].map(|number| number.to_string()).into()
        }
        ParamKind::OneOf(numbers) => numbers.iter().map(u32::to_string).collect(),
        ParamKind::Word(words) => words.iter().map(|word| format!("\"{}\"", word.to_lowercase())).collect(),
        ParamKind::Switch => ["0", "1", "\"0\"", "\"1\""].map(String::from).into(),
        ParamKind::Anything => vec!["\"x\",1".into()],
        ParamKind::Message(max) => vec![quoted(0), quoted(max), "\"a\"b\"".into()],
        ParamKind::WillTopic(max) => vec![quoted(0), quoted(1), quoted(max), "x".into()],
        ParamKind::Text(limit) | ParamKind::Bytes(limit) => vec![quoted(0), quoted(1), quoted(limit.of(model))],
        ParamKind::Host(max) | ParamKind::TopicName(max) | ParamKind::TopicFilter(max) => {
            vec![quoted(1), quoted(max), "x".into()]
        }
        ParamKind::Payload { max, min_size } => {
            vec![quoted(0), quoted(max), min_size.to_string(), max.to_string(), "\"a\"b\"".into(), "x".into()]
        }
    }
}

/// Values that a parameter does not take, and how the problem is told.
fn bad(param: &Param, model: &'static Model) -> Vec<(String, Problem)> {
    let name = param.name;
    let quoted = |length: usize| format!("\"{}\"", "x".repeat(length));
    let mut bad = match param.kind {
        ParamKind::Client(clients) => ["0", "3", "100", "103", "4294967295"]
            .map(|id| (id.into(), Problem::NoSuchClient))
            .into_iter()
            .chain(ClientId::ALL.into_iter().filter_map(|id| {
                let known = clients.of(model).any(|known| known == id);
                (!known).then(|| (id.to_string(), Problem::NoSuchClient))
            }))
            .collect(),
        ParamKind::Number { min, max, offered } => {
            let mut bad = vec![
                ((max + 1).to_string(), Problem::OutOfRange(name, min, max)),
                ("-1".into(), Problem::NotANumber(name)),
                ("1x".into(), Problem::NotANumber(name)),
                ("\"1\"".into(), Problem::NotANumber(name)),
            ];
            if min > 0 {
                bad.push(((min - 1).to_string(), Problem::OutOfRange(name, min, max)));
            }
            if let Some(offered) = offered.map(|offered| offered(model)).filter(|offered| *offered < max) {
                bad.push(((offered + 1).to_string(), Problem::NotOffered(name)));
            }
            bad
        }
        ParamKind::OneOf(numbers) => {
            let (min, max) = (numbers[0], numbers[numbers.len() - 1]);
            let between = (min..max).find(|number| !numbers.contains(number));
            let odd = [Some(max + 1), between].into_iter().flatten();
            odd.map(|number| (number.to_string(), Problem::OutOfRange(name, min, max))).collect()
        }
        ParamKind::Word(words) => {
            vec![(quoted(0), Problem::Empty(name)), ("\"no such\"".into(), Problem::NotOneOf(name, words))]
        }
        ParamKind::Switch => vec![
            ("2".into(), Problem::OutOfRange(name, 0, 1)),
            ("\"2\"".into(), Problem::OutOfRange(name, 0, 1)),
            ("\"1".into(), Problem::BadQuotes(name)),
            ("\"\"".into(), Problem::NotANumber(name)),
            ("x".into(), Problem::NotANumber(name)),
        ],
        ParamKind::Anything => vec![],
        ParamKind::Text(limit) | ParamKind::Bytes(limit) => {
            vec![(quoted(limit.of(model) + 1), Problem::TooLong(name, limit.of(model)))]
        }
        ParamKind::Message(max) => vec![(quoted(max + 1), Problem::TooLong(name, max))],
        ParamKind::Host(max) => {
            vec![(quoted(0), Problem::Empty(name)), (quoted(max + 1), Problem::TooLong(name, max))]
        }
        ParamKind::WillTopic(max) => vec![
            (quoted(max + 1), Problem::TooLong(name, max)),
            ("\"a/#\"".into(), Problem::BadTopicName(name)),
            ("\"a\\00\"".into(), Problem::NotText(name)),
        ],
        ParamKind::TopicName(max) => vec![
            (quoted(0), Problem::Empty(name)),
            (quoted(max + 1), Problem::TooLong(name, max)),
            ("\"a/+\"".into(), Problem::BadTopicName(name)),
            ("\"a\\00\"".into(), Problem::NotText(name)),
        ],
        ParamKind::TopicFilter(max) => vec![
            (quoted(0), Problem::Empty(name)),
            (quoted(max + 1), Problem::TooLong(name, max)),
            ("\"#/a\"".into(), Problem::BadTopicFilter(name)),
            ("\"a\\C3\"".into(), Problem::NotText(name)),
        ],
        ParamKind::Payload { max, min_size } => {
            let largest = u32::try_from(max).unwrap();
            let mut bad = vec![
                (quoted(max + 1), Problem::TooLong(name, max)),
                ((max + 1).to_string(), Problem::OutOfRange(name, min_size, largest)),
            ];
            if min_size > 0 {
                bad.push(((min_size - 1).to_string(), Problem::OutOfRange(name, min_size, largest)));
            }
            bad
        }
    };
    if param.kind.is_text() && !matches!(param.kind, ParamKind::Anything) {
        bad.push(("\"open".into(), Problem::BadQuotes(name)));
        bad.push(("“x”".into(), Problem::CurlyQuotes(name)));
    }
    bad
}

/// All set forms of a model, but for basic commands: the row, its parameters, and how it answers errors.
fn set_forms() -> impl Iterator<Item = (&'static Command, &'static [Param], ErrorStyle, &'static Model)> {
    rows_and_models()
        .filter(|(row, model)| is_extended(row) && (row.on)(model))
        .flat_map(|(row, model)| row.set_forms().map(move |(params, errors)| (row, params, errors, model)))
}

fn is_extended(row: &Command) -> bool {
    row.name.starts_with('+')
}

/// A set line with good values, but for one.
fn set_line(row: &Command, params: &[Param], model: &'static Model, odd: usize, value: &str) -> String {
    let values = params
        .iter()
        .enumerate()
        .map(|(index, param)| if index == odd { value.to_owned() } else { good(param, model).swap_remove(0) });
    format!("AT{}={}", row.name, values.collect::<Vec<_>>().join(","))
}

/// Whether the problem lies in the form of the arguments, rather than in the state of the modem or in what a cloud
/// makes of them.
fn is_of_arguments(problem: Problem) -> bool {
    if matches!(problem, Problem::Cloud(_) | Problem::TooLongForUser(..) | Problem::NotATime(_)) {
        return false;
    }
    problem.cme().is_some_and(|cme| cme.code == 50) || matches!(problem, Problem::NotOffered(_))
}

#[test]
fn names_are_unique_and_rows_are_sound() {
    let names: HashSet<_> = COMMANDS.iter().map(|row| row.name.to_ascii_uppercase()).collect();
    assert_eq!(names.len(), COMMANDS.len());
    for row in COMMANDS {
        for (params, _) in row.set_forms() {
            assert!(params.len() <= 8, "{}: more parameters than an argument list holds", row.name);
            assert!(params.is_sorted_by_key(|param| param.optional), "{}: optional ones go last", row.name);
            assert!(!params.is_empty(), "{}: a set form has parameters", row.name);
        }
        let numbers: Vec<_> = row.cases.iter().map(Case::number).collect();
        let due: Vec<u32> = (1..).take(row.cases.len()).collect();
        assert_eq!(numbers, due, "{}: cases are counted from 1", row.name);
        assert!(row.cases.is_empty() || row.params.is_empty(), "{}: cases or parameters", row.name);
        for case in row.cases {
            let ParamKind::Number { min, max, offered: None } = case.params[0].kind else { panic!("{}", row.name) };
            assert!(min == max && case.params[0].name == row.cases[0].params[0].name, "{}", row.name);
        }
        assert_eq!(format!("{row:?}"), format!("Command({})", row.name));
        assert!(!row.summary.is_empty() && row.summary.ends_with('.'), "{}: one sentence", row.name);
        assert!(row.source.contains(' '), "{}: where it is specified", row.name);
        let kinds = [is_extended(row), row.is_basic(), row.is_register()];
        assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{}: of one kind", row.name);
        assert!(row.has_set() || row.has_read() || row.has_exec() || row.has_test(), "{}: no form", row.name);
        let first_text = row.params.iter().position(|param| matches!(param.kind, ParamKind::Payload { .. }));
        assert!(first_text.is_none_or(|index| index + 1 == row.params.len()), "{}: a payload goes last", row.name);
    }
}

#[test]
fn the_test_form_prints_the_bounds_of_the_row() {
    for (row, model) in rows_and_models().filter(|(row, _)| is_extended(row)) {
        let answer = answer(model, &format!("AT{}=?", row.name));
        let lines: String = row.test_lines(model).map(|line| format!("{line}\r\n")).collect();
        assert!(!lines.contains(": \r\n"), "AT{}=? on {model} tells nothing in a line", row.name);
        let due = match &*lines {
            _ if !(row.on)(model) => "\r\nERROR\r\n".to_owned(),
            // Its answer depends on the state of the modem.
            _ if row.test == Test::No && row.has_test() => continue,
            "" if row.has_test() => "\r\nOK\r\n".to_owned(),
            lines if row.has_test() => format!("\r\n{lines}\r\nOK\r\n"),
            _ => match row.errors {
                ErrorStyle::Plain => "\r\nERROR\r\n".to_owned(),
                ErrorStyle::Cme => "\r\n+CME ERROR: 4\r\n".to_owned(),
            },
        };
        assert_eq!(answer.text, due, "AT{}=? on {model}", row.name);
    }
}

#[test]
fn bounds_of_numbers_are_a_list_or_a_range() {
    let offered: fn(&Model) -> u32 = |_| 2;
    for (min, max, offered, due) in [
        (5, 5, None, "(5)"),
        (1, 2, None, "(1,2)"),
        (0, 2, None, "(0-2)"),
        (1, 65535, None, "(1-65535)"),
        (1, 9, Some(offered), "(1,2)"),
    ] {
        let kind = ParamKind::Number { min, max, offered };
        let param = Param { name: "n", kind, optional: false, secret: false };
        assert_eq!(param.range(&MODELS[0]).to_string(), due);
    }
}

#[test]
fn a_form_is_answered_exactly_if_the_row_has_it() {
    for (row, model) in rows_and_models().filter(|(row, _)| is_extended(row)) {
        let forms = [("?", row.has_read()), ("", row.has_exec()), ("=1", row.has_set()), ("=?", row.has_test())];
        for (form, has) in forms {
            let problem = answer(model, &format!("AT{}{form}", row.name)).problem;
            let due = if !(row.on)(model) {
                problem == Some(Problem::NotOnThisModel)
            } else {
                (problem != Some(Problem::NoSuchForm)) == has
            };
            assert!(due, "AT{}{form} on {model}: {problem:?}", row.name);
        }
    }
}

/// 27.007 gives each command that only tells something one of the two forms, modules take both.
#[test]
fn what_a_command_tells_it_tells_with_and_without_a_question_mark() {
    const ACTS: &[&str] = &["+RESET", "+CPWROFF"];
    let mut told = 0;
    for (row, model) in rows_and_models().filter(|(row, model)| row.has_exec() && (row.on)(model)) {
        let acts = ACTS.contains(&row.name);
        assert_eq!(row.has_read(), !acts, "AT{}?", row.name);
        if !acts {
            let [plain, asked] = ["", "?"].map(|form| answer(model, &format!("AT{}{form}", row.name)).text);
            assert_eq!(plain, asked, "AT{}? on {model}", row.name);
            told += 1;
        }
    }
    assert!(told >= MODELS.len() * 14, "{told}");
}

#[test]
fn s_parameters_are_set_within_their_bounds_and_shown_with_three_digits() {
    let registers = COMMANDS.iter().filter(|row| row.is_register());
    for row in registers {
        let name = row.name;
        let [Param { kind: ParamKind::Number { min, max, .. }, .. }] = row.params else { panic!("{name}: a number") };
        let shown = answer(&MODELS[0], &format!("AT{name}?")).text;
        let default: u32 = shown.trim().lines().next().unwrap().parse().unwrap();
        assert!((*min..=*max).contains(&default), "{name}: {default}");
        for number in [*min, *max] {
            let due = format!("\r\n{number:03}\r\n\r\nOK\r\n");
            for line in ["ATX={};X?", "ATX={}X?", "ATX ={} X ?", "ATE0X=0{}X?E0"] {
                let line = line.replacen('X', name, 2).replace("{}", &number.to_string());
                assert_eq!(answer(&MODELS[0], &line).text, due, "{line}");
            }
        }
        let problem = answer(&MODELS[0], &format!("AT{name}={}", max + 1)).problem;
        assert_eq!(problem, Some(Problem::OutOfRange("value", *min, *max)), "{name}");
        assert_eq!(answer(&MODELS[0], &format!("AT{name}")).problem, Some(Problem::NoSuchForm), "{name}");
    }
    assert_eq!(answer(&MODELS[0], "ATS00=1;S0?").text, "\r\n001\r\n\r\nOK\r\n");
    assert_eq!(answer(&MODELS[0], "ATS1?").problem, Some(Problem::UnknownCommand));
    assert_eq!(answer(&MODELS[0], "ATS99999999999=1").problem, Some(Problem::UnknownCommand));
}

#[test]
fn good_arguments_are_taken() {
    for (row, params, _, model) in set_forms() {
        for (index, param) in params.iter().enumerate() {
            for value in good(param, model) {
                let line = set_line(row, params, model, index, &value);
                let answer = answer(model, &line);
                let refused = answer.problem.filter(|problem| is_of_arguments(*problem));
                assert_eq!(refused, None, "{line} on {model}: {}", answer.text);
            }
        }
    }
}

#[test]
fn bad_arguments_are_refused_with_their_name() {
    for (row, params, errors, model) in set_forms() {
        let selectors = usize::from(!row.cases.is_empty());
        for (index, param) in params.iter().enumerate().skip(selectors) {
            for (value, due) in bad(param, model) {
                let line = set_line(row, params, model, index, &value);
                let answer = answer(model, &line);
                assert_eq!(answer.problem, Some(due), "{line} on {model}");
                let style = match errors {
                    ErrorStyle::Plain => "\r\nERROR\r\n".to_owned(),
                    ErrorStyle::Cme => format!("\r\n+CME ERROR: {}\r\n", due.cme().unwrap().code),
                };
                assert_eq!(answer.text, style, "{line} on {model}");
            }
        }
    }
}

#[test]
fn a_case_that_there_is_not_is_refused() {
    for (row, model) in rows_and_models().filter(|(row, model)| !row.cases.is_empty() && (row.on)(model)) {
        let (name, last) = (row.cases[0].params[0].name, u32::try_from(row.cases.len()).unwrap());
        let behind = format!("{},1", last + 1);
        let cases = [
            ("", Problem::Missing(name)),
            (",1", Problem::Missing(name)),
            ("0", Problem::OutOfRange(name, 1, last)),
            (&*behind, Problem::OutOfRange(name, 1, last)),
            ("4294967296", Problem::OutOfRange(name, 0, last)),
            ("x", Problem::NotANumber(name)),
            ("\"1\"", Problem::NotANumber(name)),
        ];
        for (value, due) in cases {
            let line = format!("AT{}={value}", row.name);
            assert_eq!(answer(model, &line).problem, Some(due), "{line} on {model}");
        }
    }
}

#[test]
fn the_number_of_arguments_is_checked() {
    for (row, params, _, model) in set_forms() {
        let selectors = usize::from(!row.cases.is_empty());
        let values: Vec<_> = params.iter().map(|param| good(param, model).swap_remove(0)).collect();
        for count in selectors..values.len() {
            let line = format!("AT{}={}", row.name, values[..count].join(","));
            let refused = answer(model, &line).problem.filter(|problem| is_of_arguments(*problem));
            let due = (!params[count].optional).then_some(Problem::Missing(params[count].name));
            assert_eq!(refused, due, "{line} on {model}");
        }
        let line = format!("AT{}={},1", row.name, values.join(","));
        let takes_all = params.last().is_some_and(|param| matches!(param.kind, ParamKind::Anything));
        let refused = answer(model, &line).problem.filter(|problem| is_of_arguments(*problem));
        let due = if takes_all { None } else { Some(Problem::TooManyParameters) };
        assert_eq!(refused, due, "{line} on {model}");
    }
}

#[test]
fn basic_commands_check_their_number() {
    for row in COMMANDS.iter().filter(|row| row.is_basic()) {
        for param in row.params {
            let (good, bad): (Vec<u32>, Vec<u32>) = match param.kind {
                ParamKind::Number { min, max, .. } => ((min..=max).collect(), vec![max + 1]),
                ParamKind::OneOf(numbers) => {
                    (numbers.to_vec(), (0..=numbers[numbers.len() - 1] + 1).filter(|n| !numbers.contains(n)).collect())
                }
                _ => panic!("{}: a number", row.name),
            };
            let (min, max) = (good[0], good[good.len() - 1]);
            for number in good {
                let problem = answer(&MODELS[0], &format!("AT{}{number}", row.name)).problem;
                assert_eq!(problem, None, "AT{}{number}", row.name);
            }
            for number in bad {
                let problem = answer(&MODELS[0], &format!("AT{}{number}", row.name)).problem;
                assert_eq!(problem, Some(Problem::OutOfRange(param.name, min, max)), "AT{}{number}", row.name);
            }
        }
    }
}
