//! Reaching a CPU tensor's numbers without a copy, and recording an operation of ours on dfdx's tape.

use dfdx::prelude::*;

/// The numbers of a contiguous tensor, in its own order.
///
/// # Panics
/// When the tensor is a broadcast or permuted view. Every operation of this crate returns contiguous tensors; call
/// [`contiguous`] first on what comes from elsewhere.
pub(crate) fn data<S: Shape, E: Unit, T>(t: &Tensor<S, E, Cpu, T>) -> &[E] {
    let n = t.shape().num_elements();
    if n == 0 {
        return &[];
    }
    assert!(is_contiguous(t), "a contiguous tensor is needed here");
    let first: &E = &t[S::Concrete::default()];
    // SAFETY: a CPU tensor keeps its elements in one `Vec`, and `Index` has just returned a reference into it at offset
    // zero. The strides are those of a contiguous tensor, so its `num_elements` elements are that whole `Vec`. The
    // borrow of `t` keeps the storage alive and, since it is behind an `Arc` that only `&mut` access can change,
    // unchanged.
    unsafe { std::slice::from_raw_parts(first, n) }
}

/// The numbers of a contiguous tensor, to change in place. Storage shared with another tensor is copied first.
pub(crate) fn data_mut<S: Shape, E: Unit>(t: &mut Tensor<S, E, Cpu>) -> &mut [E] {
    let n = t.shape().num_elements();
    if n == 0 {
        return &mut [];
    }
    assert!(is_contiguous(t), "a contiguous tensor is needed here");
    let first: &mut E = &mut t[S::Concrete::default()];
    // SAFETY: as in `data`; `IndexMut` has made the storage unique (`Arc::make_mut`), and the borrow of `t` is
    // exclusive.
    unsafe { std::slice::from_raw_parts_mut(first, n) }
}

/// Whether the elements lie in the shape's own order. dfdx keeps the strides private, so they are read off the
/// addresses of neighbouring elements.
pub(crate) fn is_contiguous<S: Shape, E: Unit, T>(t: &Tensor<S, E, Cpu, T>) -> bool {
    let sizes = t.shape().concrete();
    if t.shape().num_elements() == 0 {
        return true;
    }
    let expected = t.shape().strides();
    let first = std::ptr::from_ref(&t[S::Concrete::default()]).addr();
    (0..S::NUM_DIMS).filter(|&axis| sizes[axis] > 1).all(|axis| {
        let mut index = S::Concrete::default();
        index[axis] = 1;
        std::ptr::from_ref(&t[index]).addr().wrapping_sub(first) == expected[axis] * size_of::<E>()
    })
}

/// The same tensor with its elements in order: itself when it already is, a copy otherwise.
pub(crate) fn contiguous<S: Shape, E: Dtype, T: Tape<E, Cpu>>(
    t: Tensor<S, E, Cpu, T>,
) -> Result<Tensor<S, E, Cpu, T>, CpuError>
where
    Cpu: Device<E>,
{
    if is_contiguous(&t) {
        return Ok(t);
    }
    let shape = *t.shape();
    t.try_reshape_like(&shape)
}

/// Takes the gradient of `t` out of `grads`, leaving an empty vector: dfdx lends one gradient at a time, and a backward
/// pass reads one while it writes others. Give it back with [`give`].
pub(crate) fn take<S: Shape, E: Unit>(
    grads: &mut Gradients<E, Cpu>,
    t: &Tensor<S, E, Cpu>,
) -> Result<Vec<E>, CpuError> {
    Ok(std::mem::take(&mut **grads.get_or_alloc_mut(t)?))
}

/// Puts back what [`take`] took.
pub(crate) fn give<S: Shape, E: Unit>(
    grads: &mut Gradients<E, Cpu>,
    t: &Tensor<S, E, Cpu>,
    g: Vec<E>,
) -> Result<(), CpuError> {
    **grads.get_or_alloc_mut(t)? = g;
    Ok(())
}

/// The gradient of `t`, to add to.
pub(crate) fn grad<'a, S: Shape, E: Unit>(
    grads: &'a mut Gradients<E, Cpu>,
    t: &Tensor<S, E, Cpu>,
) -> Result<&'a mut [E], CpuError> {
    Ok(&mut **grads.get_or_alloc_mut(t)?)
}

/// Records the backward pass of `y = op(x)`: `f` gets the gradient of `y` (which it may change) and adds to that of `x`.
pub(crate) fn record<X: Shape, Y: Shape, E: Unit, T: Tape<E, Cpu>>(
    tape: &mut T,
    x: &Tensor<X, E, Cpu>,
    y: &Tensor<Y, E, Cpu>,
    f: impl FnOnce(&mut [E], &mut [E], &mut Gradients<E, Cpu>) -> Result<(), CpuError> + 'static,
) {
    if !T::OWNS_TAPE {
        return;
    }
    let (x, y) = (x.clone(), y.clone());
    tape.add_backward_op(move |grads| {
        let mut gy = take(grads, &y)?;
        let mut gx = take(grads, &x)?;
        f(&mut gy, &mut gx, grads)?;
        give(grads, &x, gx)?;
        give(grads, &y, gy)
    });
}
