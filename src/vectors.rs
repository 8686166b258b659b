//! Loops compiled for the processor's widest vectors.

/// Defines `fn NAME(ARGUMENTS) -> RESULT = BODY`: the function `BODY`, which is `#[inline(always)]`, compiled for AVX-512 and
/// for AVX2 as well as for any processor of the kind, and called as the widest that this processor has. All do the same
/// operations in the same order, since the compiler reorders and fuses none of them: they give the same bits.
macro_rules! widest {
    (fn $name:ident $(<$generic:ident: $bound:path>)? ($($arg:ident: $type:ty),+ $(,)?) $(-> $out:ty)? = $body:path) => {
        fn $name $(<$generic: $bound>)? ($($arg: $type),+) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
                fn avx512 $(<$generic: $bound>)? ($($arg: $type),+) $(-> $out)? {
                    $body($($arg),+)
                }
                #[target_feature(enable = "avx2")]
                fn avx2 $(<$generic: $bound>)? ($($arg: $type),+) $(-> $out)? {
                    $body($($arg),+)
                }
                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the processor has the features, as was just asked.
                    return unsafe { avx512($($arg),+) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),+) };
                }
            }
            $body($($arg),+)
        }
    };
}
