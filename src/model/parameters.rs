//! Parameters by name: where they come from when a network is built, and how they are listed and
//! replaced afterwards, always in model order. Arrays are laid out as PyTorch lays them out.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Gradients, Shape, Tensor, TensorData};

/// One named array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// What a number is there for. Weight decay and folding ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A kernel or a matrix.
    Weight,
    /// A bias, or one of batch normalisation's two learned vectors.
    Vector,
    /// A running statistic: stored, never trained.
    Statistic,
}

/// The role follows from the name and the number of dimensions.
pub fn role(name: &str, dimensions: usize) -> Role {
    if name.ends_with(".running_mean") || name.ends_with(".running_var") {
        Role::Statistic
    } else if dimensions > 1 {
        Role::Weight
    } else {
        Role::Vector
    }
}

/// Gives the numbers of a named parameter of a given shape while a network is built.
pub struct Source<'a> {
    device: &'a Device,
    path: String,
    numbers: &'a mut dyn FnMut(&str, &[usize]) -> Vec<f32>,
}

impl<'a> Source<'a> {
    pub fn new(device: &'a Device, numbers: &'a mut dyn FnMut(&str, &[usize]) -> Vec<f32>) -> Self {
        Self { device, path: String::new(), numbers }
    }

    /// The same source one name further down.
    pub fn scope(&mut self, name: &str) -> Source<'_> {
        Source { device: self.device, path: format!("{}{name}.", self.path), numbers: &mut *self.numbers }
    }

    pub fn parameter<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(self.tensor(name, shape))
    }

    /// A number that is stored but not trained.
    pub fn statistic<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::initialized(ParamId::new(), self.tensor(name, shape)).set_require_grad(false)
    }

    fn tensor<const D: usize>(&mut self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let values = (self.numbers)(&format!("{}{name}", self.path), &shape);
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }
}

/// Every parameter and statistic with its numbers, in model order.
pub fn arrays(module: &impl Module) -> Vec<Array> {
    let mut lister = Lister { path: Vec::new(), with_values: true, found: Vec::new() };
    module.visit(&mut lister);
    lister.found
}

/// Names and shapes alone.
pub fn parameter_list(module: &impl Module) -> Vec<(String, Vec<usize>)> {
    let mut lister = Lister { path: Vec::new(), with_values: false, found: Vec::new() };
    module.visit(&mut lister);
    lister.found.into_iter().map(|array| (array.name, array.shape)).collect()
}

/// The gradients that a backward pass left, as flat vectors in model order.
pub fn gradients(module: &impl Module, gradients: &mut Gradients) -> Vec<(String, Tensor<1>)> {
    let mut taker = Taker { path: Vec::new(), gradients, found: Vec::new() };
    module.visit(&mut taker);
    taker.found
}

/// What replaces a parameter: it sees the name, the shape and the values as a flat vector, and answers
/// with the new values, or with nothing where they are to stay.
pub type Change<'a> = dyn FnMut(&str, &[usize], Tensor<1>) -> Option<Tensor<1>> + 'a;

/// Replaces parameters, in model order.
pub fn update<M: Module>(module: M, change: &mut Change) -> M {
    module.map(&mut Changer { path: Vec::new(), change })
}

struct Lister {
    path: Vec<String>,
    with_values: bool,
    found: Vec<Array>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = if self.with_values { numbers(param.val()) } else { Vec::new() };
        let shape = param.lazy_shape().iter().copied().collect();
        self.found.push(Array { name: self.path.join("."), shape, values });
    }
}

/// The numbers of a tensor as 32-bit floats, whatever the device computes in.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec().unwrap_or_default()
}

struct Taker<'a> {
    path: Vec<String>,
    gradients: &'a mut Gradients,
    found: Vec<(String, Tensor<1>)>,
}

impl ModuleVisitor for Taker<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = param.val().grad_remove(self.gradients) {
            let count = gradient.shape().num_elements();
            self.found.push((self.path.join("."), gradient.reshape([count])));
        }
    }
}

struct Changer<'a, 'b> {
    path: Vec<String>,
    change: &'a mut Change<'b>,
}

impl ModuleMapper for Changer<'_, '_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape: Shape = param.lazy_shape();
        let dims: Vec<usize> = shape.iter().copied().collect();
        let count = dims.iter().product::<usize>();
        let name = self.path.join(".");
        match (self.change)(&name, &dims, param.val().reshape([count])) {
            // A reshaped tensor is no leaf: one that is to have a gradient is marked after reshaping.
            Some(new) if new.is_require_grad() => {
                param.map(|_| new.inner().reshape(shape).autodiff().require_grad())
            }
            Some(new) => param.map(|_| new.reshape(shape)),
            None => param,
        }
    }
}
