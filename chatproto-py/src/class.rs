//! How a plain class of Python looks in Rust: fields that never change, and nothing else.

use pyo3::prelude::*;
use pyo3::types::PyString;

/// A field as `repr` shows it.
pub(crate) trait Shown {
    fn shown(&self, py: Python<'_>) -> PyResult<String>;
}

impl Shown for u64 {
    fn shown(&self, _: Python<'_>) -> PyResult<String> {
        Ok(self.to_string())
    }
}

impl Shown for String {
    fn shown(&self, py: Python<'_>) -> PyResult<String> {
        PyString::new(py, self)
            .repr()?
            .to_str()
            .map(ToOwned::to_owned)
    }
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self, py: Python<'_>) -> PyResult<String> {
        match self {
            Some(value) => value.shown(py),
            None => Ok("None".to_owned()),
        }
    }
}

/// A text between people: `repr` shows only how long it is.
#[derive(Clone, PartialEq, Eq, Hash, FromPyObject, IntoPyObject, IntoPyObjectRef)]
#[pyo3(transparent)]
pub(crate) struct Private(pub(crate) String);

impl Shown for Private {
    fn shown(&self, _: Python<'_>) -> PyResult<String> {
        Ok(format!("<{} characters>", self.0.chars().count()))
    }
}

/// Bytes that may hold a secret: `repr` shows only how many there are.
#[derive(Clone, PartialEq, Eq, Hash, FromPyObject, IntoPyObject, IntoPyObjectRef)]
#[pyo3(transparent)]
pub(crate) struct PrivateBytes(pub(crate) Vec<u8>);

impl Shown for PrivateBytes {
    fn shown(&self, _: Python<'_>) -> PyResult<String> {
        Ok(format!("<{} bytes>", self.0.len()))
    }
}

/// Writes `Name(field=value, …)`.
pub(crate) fn repr(py: Python<'_>, name: &str, fields: &[(&str, &dyn Shown)]) -> PyResult<String> {
    let mut text = format!("{name}(");
    for (at, (field, value)) in fields.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        text.extend([comma, field, "=", &value.shown(py)?]);
    }
    text.push(')');
    Ok(text)
}

/// Makes plain classes: frozen, with `==`, `hash`, `repr` and `match`. First comes the class above all
/// of them, and how one of its own is made.
macro_rules! plain_classes {
    ($base:ident $above:expr; $(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[pyclass(frozen, eq, hash, extends = $base, module = "chatproto")]
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub(crate) struct $name {
            $($(#[$field_doc])* #[pyo3(get)] pub(crate) $field: $type,)*
        }

        #[pymethods]
        impl $name {
            #[new]
            fn __new__($($field: $type),*) -> PyClassInitializer<Self> {
                $above.add_subclass(Self { $($field),* })
            }

            #[classattr]
            fn __match_args__(py: Python<'_>) -> PyResult<Py<PyTuple>> {
                let fields: &[&str] = &[$(stringify!($field)),*];
                Ok(PyTuple::new(py, fields)?.unbind())
            }

            /// For `copy` and `pickle`.
            fn __reduce__<'py>(
                slf: &Bound<'py, Self>,
            ) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
                let fields: &[Bound<'py, PyAny>] =
                    &[$((&slf.get().$field).into_bound_py_any(slf.py())?),*];
                Ok((slf.get_type(), PyTuple::new(slf.py(), fields)?))
            }

            fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
                let fields: &[(&str, &dyn $crate::class::Shown)] =
                    &[$((stringify!($field), &self.$field)),*];
                $crate::class::repr(py, stringify!($name), fields)
            }
        }

        impl $name {
            /// Makes the Python object.
            pub(crate) fn object(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                Ok(Py::new(py, $above.add_subclass(self))?.into_any())
            }
        }
    )*};
}
pub(crate) use plain_classes;
