//! Options of solvers: each is defined once, where its struct is, and read from there by the
//! command line, by designs, by Python and by the documentation.

mod error;
mod kind;
mod typed;

pub use error::{OptionError, OptionProblem};
pub use kind::{Kind, MOST_EPOCHS, Range};
pub use typed::{AUTO, Auto, Typed, Value};

/// One option: its name, what it may be, and what it does.
#[derive(Debug, Clone, Copy)]
pub struct OptionDoc {
    /// The name in designs, records and Python; a dot stands between a section and a name in it.
    pub name: &'static str,
    /// Other names that are understood. The first is the command line's.
    pub aliases: &'static [&'static str],
    /// What values it takes.
    pub kind: Kind,
    /// Whether it may be left open, so that it has no value unless given.
    pub optional: bool,
    /// What it does, in plain text: the documentation of its field in the options struct.
    about: &'static str,
}

impl OptionDoc {
    /// One option. `about` is one or more lines, each with a space in front, as documentation
    /// comments have them.
    pub const fn new(
        name: &'static str,
        aliases: &'static [&'static str],
        kind: Kind,
        optional: bool,
        about: &'static str,
    ) -> Self {
        Self { name, aliases, kind, optional, about }
    }

    /// Whether it is called `name`, here or by an alias.
    pub fn is(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// The name of its flag on the command line, without the dashes in front.
    pub fn flag(&self) -> String {
        let name = self.aliases.first().unwrap_or(&self.name);
        name.rsplit('.').next().unwrap_or(name).replace('_', "-")
    }

    /// What it does, in one paragraph.
    pub fn about(&self) -> String {
        self.about.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Refuses a value that the option cannot have.
    ///
    /// # Errors
    /// The name, what was expected, and the value.
    pub fn check(&self, value: &Value) -> Result<(), OptionError> {
        match self.kind.accepts(value) {
            true => Ok(()),
            false => Err(OptionError::value(self.name, self.kind.expected(), value)),
        }
    }
}

/// Values of options by name, as they were written.
pub type Written = [(String, Value)];

/// The options of one solver, with a value for each: implemented by [`options!`](crate::options).
pub trait Options: Default {
    /// What they are, in the order in which records list them.
    const DOCS: &'static [OptionDoc];

    /// Every option that has a value, in this order.
    fn values(&self) -> Vec<(&'static str, Value)>;

    /// Sets an option by one of its names; `false` when there is none of this name.
    ///
    /// # Errors
    /// When the option cannot have this value.
    fn set(&mut self, name: &str, value: &Value) -> Result<bool, OptionError>;

    /// Refuses values that an option cannot have.
    ///
    /// # Errors
    /// The first of them.
    fn check(&self) -> Result<(), OptionError> {
        for (name, value) in self.values() {
            let doc = Self::DOCS.iter().find(|doc| doc.name == name);
            doc.expect("values have the names of DOCS").check(&value)?;
        }
        Ok(())
    }
}

/// The options of several structs, one after the other; there must be `N` of them.
pub const fn concat<const N: usize>(parts: &[&[OptionDoc]]) -> [OptionDoc; N] {
    let mut all = [OptionDoc::new("", &[], Kind::WHOLE, false, ""); N];
    let (mut part, mut end) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            all[end] = parts[part][index];
            index += 1;
            end += 1;
        }
        part += 1;
    }
    assert!(end == N);
    all
}

/// Reads the value of the option `doc`.
///
/// # Errors
/// When the option cannot have this value.
///
/// # Panics
/// Without an option.
pub fn read<T: Typed>(doc: Option<&OptionDoc>, value: &Value) -> Result<T, OptionError> {
    let doc = doc.expect("an option is among the documented ones of its struct");
    doc.check(value)?;
    T::from_value(value).ok_or_else(|| OptionError::value(doc.name, doc.kind.expected(), value))
}

/// Defines a struct of options: every line gives the option's documentation, its name, aliases,
/// type, default and [`Kind`]; lines that begin with `..` add the options of another such struct as
/// a field. The struct implements [`Options`] and `Default`.
#[macro_export]
macro_rules! options {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(| $alias:literal)*: $type:ty = $default:expr, $kind:expr;
            )+
            $( ..$group:ident: $group_type:ty, $group_doc:literal; )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
            $( #[doc = $group_doc] pub $group: $group_type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )+ $( $group: <$group_type>::default(), )* }
            }
        }

        impl $crate::solver::options::Options for $name {
            const DOCS: &'static [$crate::solver::options::OptionDoc] = {
                #[allow(unused_imports)]
                use $crate::solver::options::{Kind, OptionDoc, Options, Range, Typed, concat};
                const OWN: &[OptionDoc] = &[ $( OptionDoc::new(
                    stringify!($field),
                    &[$($alias),*],
                    $kind,
                    <$type as Typed>::OPTIONAL,
                    concat!($($doc),+),
                ) ),+ ];
                const COUNT: usize = OWN.len() $( + <$group_type as Options>::DOCS.len() )*;
                const ALL: [OptionDoc; COUNT] =
                    concat(&[OWN, $( <$group_type as Options>::DOCS, )*]);
                &ALL
            };

            fn values(&self) -> Vec<(&'static str, $crate::solver::options::Value)> {
                use $crate::solver::options::Typed;
                let own = [ $( (stringify!($field), self.$field.to_value()) ),+ ];
                let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
                own $( .chain($crate::solver::options::Options::values(&self.$group)) )* .collect()
            }

            fn set(
                &mut self,
                name: &str,
                value: &$crate::solver::options::Value,
            ) -> Result<bool, $crate::solver::options::OptionError> {
                $( if [stringify!($field) $(, $alias)*].contains(&name) {
                    let doc = Self::DOCS.iter().find(|doc| doc.is(name));
                    self.$field = $crate::solver::options::read(doc, value)?;
                    return Ok(true);
                } )+
                $( if $crate::solver::options::Options::set(&mut self.$group, name, value)? {
                    return Ok(true);
                } )*
                Ok(false)
            }
        }
    };
}

/// Defines an enumeration whose variants have a name each in files and on the command line. It
/// implements [`Typed`].
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl $name {
            /// The names of all, in order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The name in files and on the command line.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }

        impl $crate::solver::options::Typed for $name {
            fn to_value(&self) -> Option<$crate::solver::options::Value> {
                Some($crate::solver::options::Value::Word(self.name().to_owned()))
            }

            fn from_value(value: &$crate::solver::options::Value) -> Option<Self> {
                match value {
                    $( $crate::solver::options::Value::Word(word) if word == $text => {
                        Some(Self::$variant)
                    } )+
                    _ => None,
                }
            }
        }
    };
}
