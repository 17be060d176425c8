//! Who takes a file under another library's names: the library, its network, and what Python has to be told.

use std::path::Path;

use super::{Error, Form, Timm, Torchvision};
use crate::checkpoint::Identity;

/// A network of another library.
#[derive(Debug, Clone, PartialEq)]
pub enum Taker {
    Timm(Timm),
    Torchvision(Torchvision),
}

impl Taker {
    /// Who takes a file of this form; nobody where the form is no other library's. Refused where the library cannot hold the
    /// model.
    pub fn of(form: Form, identity: &Identity) -> Result<Option<Self>, Error> {
        Ok(match form {
            Form::Timm => Some(Self::Timm(Timm::fitting(identity)?)),
            Form::Torchvision => Some(Self::Torchvision(Torchvision::fitting(identity)?)),
            _ => None,
        })
    }

    /// What Python imports.
    pub fn library(&self) -> &'static str {
        match self {
            Self::Timm(_) => "timm",
            Self::Torchvision(_) => "torchvision",
        }
    }

    pub fn network(&self) -> &str {
        match self {
            Self::Timm(of) => &of.network,
            Self::Torchvision(of) => &of.network,
        }
    }

    /// The two lines of Python that build the network and load a file into it.
    pub fn python(&self, file: &Path) -> [String; 2] {
        match self {
            Self::Timm(of) => of.python(file),
            Self::Torchvision(of) => of.python(file),
        }
    }

    /// What else whoever loads the file has to know.
    pub fn remarks(&self) -> Vec<String> {
        let Self::Timm(of) = self else { return Vec::new() };
        let differs = of.differs.as_ref().map(|differs| format!("{differs}, so the argument must be given"));
        of.input.map(str::to_owned).into_iter().chain(differs).collect()
    }
}
