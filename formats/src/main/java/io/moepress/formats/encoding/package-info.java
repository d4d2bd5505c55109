/// Block encodings: how ggml stores weights in few bits, and how they are found.
///
/// [BlockEncoding] is the catalog; a [WeightRows] goes in, bytes come out, and back. One codec
/// knows one layout. The searches for scales are shared: [OffsetSearch] for grids with an offset,
/// [SignedSearch] for grids around zero, [TableSearch] for uneven grids.
///
/// The bytes equal those of ggml `d99724f2`, so sums are taken in its order, in float32 and without
/// fused multiply-add. To be fast all the same, many small blocks are searched side by side
/// ([SubBlocks]): every block keeps its own order, and the processor still has eight to do at once.
@NullMarked
package io.moepress.formats.encoding;

import org.jspecify.annotations.NullMarked;
