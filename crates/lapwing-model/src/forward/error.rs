//! Why a pattern cannot be computed.

/// Why a pattern cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A window reaches beyond the object array.
    #[error(
        "the {height} x {width} window at (y, x) = ({y:.2}, {x:.2}) leaves the {rows} x {columns} object; \
         expected y in [{min_y}, {max_y}] and x in [{min_x}, {max_x}]: use a larger object or move the positions"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    OffObject {
        height: usize,
        width: usize,
        y: f64,
        x: f64,
        rows: usize,
        columns: usize,
        min_y: f64,
        max_y: f64,
        min_x: f64,
        max_x: f64,
    },
    /// The object has other slices than the model.
    #[error("the object has {found} slices; expected {expected}, as the physics says")]
    #[expect(missing_docs, reason = "the message names them")]
    Slices { expected: usize, found: usize },
    /// The probe and the window differ in shape.
    #[error(
        "the probe is {found_height} x {found_width}; expected the shape of a pattern, {height} x {width}"
    )]
    #[expect(missing_docs, reason = "the message names them")]
    ProbeShape { height: usize, width: usize, found_height: usize, found_width: usize },
}
