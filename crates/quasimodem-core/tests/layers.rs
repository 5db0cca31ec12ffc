//! Who imports whom: the layers that ARCHITECTURE.md draws, and the one circle that is natural.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// Rows name handlers, handlers work on a turn, a turn on the modem, and the modem holds what commands wait for.
const CIRCLE: usize = 14;

/// The list of rows names all handlers, and `at::dispatch` looks rows up in it: the one arrow that goes back up by nature.
const TABLE: &str = "commands";

/// Names of a module, from the crate's root: `at::dispatch`.
type Module = String;

#[derive(Default)]
struct Source {
    /// What names stand for, by `use`; whether others may see them.
    uses: Vec<(Vec<String>, String, bool)>,
    /// Paths of more than one name.
    paths: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Use(item) if !is_test(&item.attrs) => {
                let open = !matches!(item.vis, Visibility::Inherited);
                self.read_use(&item.tree, &mut Vec::new(), open);
            }
            Item::Mod(item) if is_test(&item.attrs) => {}
            Item::Fn(item) if is_test(&item.attrs) => {}
            item => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1 {
            self.paths.push(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.read_tokens(item.tokens.clone());
    }
}

impl Source {
    fn read_use(&mut self, tree: &UseTree, path: &mut Vec<String>, open: bool) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.read_use(&tree.tree, path, open);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.read_use(tree, path, open)),
            UseTree::Name(name) if name.ident == "self" => {
                self.uses.push((path.clone(), path.last().cloned().unwrap_or_default(), open));
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.uses.push(([&path[..], std::slice::from_ref(&name)].concat(), name, open));
            }
            UseTree::Rename(rename) => {
                let name = rename.ident.to_string();
                self.uses.push(([&path[..], &[name]].concat(), rename.rename.to_string(), open));
            }
            UseTree::Glob(_) => panic!("a glob hides who imports what"),
        }
    }

    /// Macros may hold anything, of which only the paths count.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 => path.push(name.to_string()),
                TokenTree::Ident(name) => self.paths.extend(Some(std::mem::replace(&mut path, vec![name.to_string()]))),
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.read_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.paths.extend(Some(std::mem::take(&mut path))),
            }
            colons = 0;
        }
        self.paths.push(path);
        self.paths.retain(|path| path.len() > 1);
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

/// All modules but those of tests.
fn sources(folder: &Path, prefix: &str, sources: &mut BTreeMap<Module, Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if stem == "tests" {
            continue;
        }
        let name = match (prefix, stem) {
            (_, "lib") => String::new(),
            (_, "mod") => prefix.to_owned(),
            ("", _) => stem.to_owned(),
            _ => format!("{prefix}::{stem}"),
        };
        if path.is_dir() {
            self::sources(&path, &name, sources);
        } else {
            let file = syn::parse_file(&fs::read_to_string(&path).unwrap()).unwrap();
            let mut source = Source::default();
            source.visit_file(&file);
            sources.insert(name, source);
        }
    }
}

struct Imports(BTreeMap<Module, Source>);

impl Imports {
    /// Where a path begins that is written in this module; `None`: not in this crate, or in the module itself.
    fn absolute(&self, module: &str, path: &[String]) -> Option<Vec<String>> {
        let own = || module.split("::").filter(|name| !name.is_empty()).map(str::to_owned);
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => return Some(rest.to_vec()),
            "self" => return Some(own().chain(rest.iter().cloned()).collect()),
            "super" => {
                let parent: Vec<_> = own().collect();
                let parent = parent.split_last()?.1.join("::");
                return self.absolute(&parent, &[&["self".to_owned()], rest].concat()).map(|path| {
                    // `super::super::…`
                    let up = path.iter().position(|name| name == "super");
                    up.map_or(path.clone(), |up| [&path[..up - 1], &path[up + 1..]].concat())
                });
            }
            _ => {}
        }
        let source = self.0.get(module)?;
        if let Some((target, ..)) = source.uses.iter().find(|(target, name, _)| name == first && target != path) {
            let target = self.absolute(module, target)?;
            return Some([&target[..], rest].concat());
        }
        let inside: Vec<_> = own().chain(path.iter().cloned()).collect();
        self.0.contains_key(&inside[..=own().count()].join("::")).then_some(inside)
    }

    /// The module that defines what is at this path, through all re-exports; `None`: a module itself.
    fn definer(&self, path: &[String]) -> Option<Module> {
        let end = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end].join("::")))?;
        let (module, symbol) = (path[..end].join("::"), path.get(end)?);
        let source = &self.0[&module];
        match source.uses.iter().find(|(_, name, _)| name == symbol) {
            Some((target, ..)) => {
                let target = self.absolute(&module, target)?;
                self.definer(&[&target[..], &path[end + 1..]].concat())
            }
            None => Some(module),
        }
    }

    /// Whom each module uses.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<Module>> {
        let mut edges = BTreeMap::new();
        for (module, source) in self.0.iter().filter(|(module, _)| !module.is_empty()) {
            let used = source.uses.iter().filter(|(.., open)| !open).map(|(path, ..)| path).chain(&source.paths);
            let defined = used.filter_map(|path| self.definer(&self.absolute(module, path)?));
            let is_row = |other: &Module| module == TABLE && other.starts_with("commands::");
            let others = defined.filter(|other| other != module && !other.is_empty() && !is_row(other));
            edges.insert(module.as_str(), others.collect());
        }
        edges
    }
}

fn imports() -> Imports {
    let mut all = BTreeMap::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut all);
    Imports(all)
}

/// All that can be reached from a module.
fn reach<'a>(edges: &'a BTreeMap<&str, BTreeSet<Module>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        next.extend(edges[module].iter().map(String::as_str).filter(|other| seen.insert(*other)));
    }
    seen
}

#[test]
fn there_is_one_circle_and_it_is_small() {
    let imports = imports();
    let edges = imports.edges();
    let mut circles = BTreeSet::new();
    for module in edges.keys() {
        let ring: Vec<_> =
            reach(&edges, module).into_iter().filter(|other| reach(&edges, other).contains(module)).collect();
        if !ring.is_empty() {
            circles.insert(ring);
        }
    }
    assert_eq!(circles.len(), 1, "{circles:#?}");
    let circle = circles.first().unwrap();
    assert!(circle.len() <= CIRCLE, "{} modules import each other: {circle:?}", circle.len());
    assert!(["at::command", "turn", "modem"].iter().all(|module| circle.contains(module)), "{circle:?}");
}

/// The rows of the table under "Layers", the highest first: names of modules, each with all below it that no other names.
fn layers() -> Vec<Vec<String>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Layers of core\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let names = |row: &str| row.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|row| names(row.rsplit('|').nth(1).unwrap())).collect()
}

#[test]
fn no_layer_imports_from_a_higher_one() {
    let layers = layers();
    let layer = |module: &str| {
        let names = layers.iter().enumerate().flat_map(|(layer, names)| names.iter().map(move |name| (layer, name)));
        let fits = names.filter(|(_, name)| {
            module.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        fits.max_by_key(|(_, name)| name.len()).unwrap_or_else(|| panic!("ARCHITECTURE.md has no layer for {module}")).0
    };
    let imports = imports();
    let mut upwards = Vec::new();
    for (module, others) in imports.edges() {
        let higher = others.into_iter().filter(|other| layer(other) < layer(module));
        upwards.extend(higher.map(|other| format!("{module} imports from {other}")));
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
    for name in layers.iter().flatten() {
        assert!(imports.0.contains_key(name), "ARCHITECTURE.md names {name}, which is no module");
    }
}
