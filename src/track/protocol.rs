//! The messages in TensorBoard's event files, as far as kiln writes them: tensorflow/core/util/event.proto,
//! framework/summary.proto and tensor.proto, by field number.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    #[prost(int64, tag = "2")]
    pub step: i64,
    #[prost(string, optional, tag = "3")]
    pub file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Value {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(float, optional, tag = "2")]
    pub simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    pub image: Option<Image>,
    #[prost(message, optional, tag = "8")]
    pub tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Image {
    #[prost(int32, tag = "1")]
    pub height: i32,
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// 3 is RGB.
    #[prost(int32, tag = "3")]
    pub colours: i32,
    /// The bytes of a PNG file.
    #[prost(bytes = "vec", tag = "4")]
    pub file: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// 7 is text.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub texts: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub sizes: Vec<Size>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Size {
    #[prost(int64, tag = "1")]
    pub size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Plugin {
    #[prost(string, tag = "1")]
    pub name: String,
}

impl Value {
    pub fn number(tag: &str, number: f64) -> Self {
        Self { tag: tag.into(), simple_value: Some(number as f32), ..Self::default() }
    }

    /// A PNG file of colours.
    pub fn image(tag: &str, (width, height): (u32, u32), file: Vec<u8>) -> Self {
        let image = Image { height: height as i32, width: width as i32, colours: 3, file };
        Self { tag: tag.into(), image: Some(image), ..Self::default() }
    }

    /// A text in Markdown.
    pub fn text(tag: &str, text: &str) -> Self {
        const STRING: i32 = 7;
        let shape = Shape { sizes: vec![Size { size: 1 }] };
        let tensor = Tensor { kind: STRING, shape: Some(shape), texts: vec![text.as_bytes().to_vec()] };
        let plugin = Plugin { name: "text".into() };
        let metadata = Metadata { plugin: Some(plugin) };
        Self { tag: tag.into(), tensor: Some(tensor), metadata: Some(metadata), ..Self::default() }
    }
}
