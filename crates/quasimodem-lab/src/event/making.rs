//! How the table makes events of its rows.

/// Makes the type, the rows and what goes over the fields from one description of each event.
macro_rules! events {
    ($(
        $(#[doc = $meaning:literal])*
        $name:literal = $event:ident { $($(#[doc = $field_meaning:literal])* $field:ident $(as $key:literal)?: $type:ty,)* }
    )*) => {
        /// Something that happened. Texts are as they may be shown: secrets are masked.
        #[derive(Clone, Copy, Debug)]
        pub enum Event<'a> {
            $($(#[doc = $meaning])* $event { $($(#[doc = $field_meaning])* $field: $type,)* },)*
        }

        impl<'a> Event<'a> {
            /// All events, by their names.
            pub const ROWS: &'static [Row] = &[$(Row {
                name: $name,
                meaning: concat!($($meaning),*).trim_ascii(),
                fields: &[$(Field {
                    key: key!($field $($key)?),
                    meaning: concat!($($field_meaning),*).trim_ascii(),
                    form: <$type as Typed>::FORM,
                    optional: <$type as Typed>::OPTIONAL,
                }),*],
            }),*];

            /// Its dotted name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Event::$event { .. } => $name,)*
                }
            }

            /// Its own fields, those that are left out left out.
            pub fn fields(&self, each: &mut dyn FnMut(&'static str, Value<'_>)) {
                match self {
                    $(Event::$event { $($field),* } => {
                        $(if let Some(value) = $field.value() {
                            each(key!($field $($key)?), value);
                        })*
                    })*
                }
            }
        }
    };
}

/// The key of a field: its name, or what stands behind `as` where that is a word of Rust.
macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}
