//! Encoders that are one stage after another.

/// Makes an encoder of its stages: images go through the first group to the local feature map, through the second to the
/// last convolution's map, through the third to the hidden vector, and through the last stage to the global vector. A group
/// without stages passes on what it gets. In brackets: channels and side of a map, or the length of a vector.
///
/// Stages are built, and listed in checkpoints, in their order and by their names.
macro_rules! staged {
    (
        $(#[$about:meta])*
        $name:ident<$($size:ident),+> [$channels:tt, $side:tt]
        { $($(#[$m_doc:meta])* $m:ident: $m_type:ty,)+ } map [$map_channels:tt, $map_side:tt]
        { $($(#[$c_doc:meta])* $c:ident: $c_type:ty,)* } conv [$conv_channels:tt, $conv_side:tt]
        { $($(#[$f_doc:meta])* $f:ident: $f_type:ty,)+ } fc [$fc:tt]
        { $(#[$g_doc:meta])* $g:ident: $g_type:ty, } global [$global:tt]
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug)]
        pub struct $name<$(const $size: usize,)+ E: Dtype, D: Storage<E>> {
            $($(#[$m_doc])* pub $m: $m_type,)+
            $($(#[$c_doc])* pub $c: $c_type,)*
            $($(#[$f_doc])* pub $f: $f_type,)+
            $(#[$g_doc])* pub $g: $g_type,
        }

        $crate::nn::buildable!($name, [$(const $size: usize),+], [$($size),+]);

        impl<$(const $size: usize,)+ E: Real, D: Device<E>> TensorCollection<E, D> for $name<$($size,)+ E, D> {
            type To<E2: Dtype, D2: Device<E2>> = $name<$($size,)+ E2, D2>;

            fn iter_tensors<V: ModuleVisitor<Self, E, D>>(
                visitor: &mut V,
            ) -> Result<Option<Self::To<V::E2, V::D2>>, V::Err> {
                visitor.visit_fields(
                    (
                        ($(Self::module(stringify!($m), |s| &s.$m, |s| &mut s.$m),)+),
                        ($(Self::module(stringify!($c), |s| &s.$c, |s| &mut s.$c),)*),
                        ($(Self::module(stringify!($f), |s| &s.$f, |s| &mut s.$f),)+),
                        Self::module(stringify!($g), |s| &s.$g, |s| &mut s.$g),
                    ),
                    |(($($m,)+), ($($c,)*), ($($f,)+), $g)| $name { $($m,)+ $($c,)* $($f,)+ $g },
                )
            }
        }

        impl<$(const $size: usize,)+ E: Real, D: Backend<E>> Encoder<E, D> for $name<$($size,)+ E, D> {
            type Image<B: Dim> = (B, Const<$channels>, Const<$side>, Const<$side>);
            type Map<B: Dim> = (B, Const<$map_channels>, Const<$map_side>, Const<$map_side>);
            type Conv<B: Dim> = (B, Const<$conv_channels>, Const<$conv_side>, Const<$conv_side>);
            type Fc<B: Dim> = (B, Const<$fc>);
            type Global<B: Dim> = (B, Const<$global>);

            fn image<B: Dim>(b: B) -> Self::Image<B> {
                (b, Const, Const, Const)
            }

            fn try_encode<B: Dim>(
                &self,
                x: Tensor<Self::Image<B>, E, D>,
            ) -> Result<Features<Self, B, E, D, NoneTape>, D::Err> {
                let h = x;
                $(let h = self.$m.try_forward(h)?;)+
                let map = h.clone();
                $(let h = self.$c.try_forward(h)?;)*
                let conv = h.clone();
                $(let h = self.$f.try_forward(h)?;)+
                let fc = h.clone();
                let global = self.$g.try_forward(h)?;
                Ok(Features { map, conv, fc, global, tape: NoneTape })
            }

            fn try_encode_train<B: Dim>(
                &mut self,
                x: Tensor<Self::Image<B>, E, D, OwnedTape<E, D>>,
            ) -> Result<Features<Self, B, E, D, OwnedTape<E, D>>, D::Err> {
                let h = x;
                $(let h = self.$m.try_forward_mut(h)?;)+
                let (map, tape) = h.split_tape();
                let h = map.clone().put_tape(tape);
                $(let h = self.$c.try_forward_mut(h)?;)*
                let (conv, tape) = h.split_tape();
                let h = conv.clone().put_tape(tape);
                $(let h = self.$f.try_forward_mut(h)?;)+
                let (fc, tape) = h.split_tape();
                let (global, tape) = self.$g.try_forward_mut(fc.clone().put_tape(tape))?.split_tape();
                Ok(Features { map, conv, fc, global, tape })
            }
        }
    };
}
pub(super) use staged;
