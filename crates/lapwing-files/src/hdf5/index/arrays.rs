//! Arrays of chunks: fixed ones, where no axis grows without end, and extensible ones, where one
//! does.

use rust_hdf5::format::chunk_index::extensible_array::{
    EA_CLS_FILT_CHUNK, EaGeometry, ExtensibleArrayHeader, ExtensibleArraySuperBlock,
    FilteredChunkEntry, FilteredDataBlock, FilteredIndexBlock,
};
use rust_hdf5::format::chunk_index::fixed_array::{
    FA_CLIENT_FILT_CHUNK, FixedArrayDataBlock, FixedArrayFilteredChunkElement, FixedArrayHeader,
    FixedArrayPagedPrefix, decode_filtered_page,
};
use rust_hdf5::format::messages::data_layout::EarrayParams;
use rust_hdf5::format::{FormatContext, UNDEF_ADDR};

use super::super::pieces::Pieces;
use super::grid::Place;

/// Bytes of a header at most.
const HEADER: usize = 256;
/// Bytes of a block beside its elements and addresses at most: signature, version, kind, place in
/// the array, checksum.
const FRAME: usize = 4 + 1 + 1 + 8 + 4;
/// Bytes of the flags of filters, and of a checksum.
const FILTERS: usize = 4;
const CHECKSUM: usize = 4;

/// What is done with the chunk at a place of the array.
type Take<'a> = dyn FnMut(u64, Place) + 'a;

/// Bytes of a chunk's length, where an element has so many bytes.
fn width_of_length(element: u8, context: FormatContext) -> Option<usize> {
    let width = usize::from(element).checked_sub(usize::from(context.sizeof_addr) + FILTERS)?;
    (1..=8).contains(&width).then_some(width)
}

/// Takes over the chunks of a fixed array.
pub(super) fn fixed(pieces: &mut Pieces, at: u64, take: &mut Take<'_>) -> Option<()> {
    let context = pieces.context();
    let head = FixedArrayHeader::decode(&pieces.bytes(at, HEADER)?, &context).ok()?;
    let width = width_of_length(head.element_size, context)?;
    if head.client_id != FA_CLIENT_FILT_CHUNK {
        return None;
    }
    if head.data_blk_addr == UNDEF_ADDR {
        return Some(());
    }
    let each = u64::from(head.element_size);
    let mut found = |first: u64, elements: Vec<FixedArrayFilteredChunkElement>| {
        for (slot, element) in (first..).zip(elements) {
            if element.address != UNDEF_ADDR {
                let (length, left_out) = (element.chunk_size, element.filter_mask);
                take(slot, Place { at: element.address, length, left_out });
            }
        }
    };
    let frame = FRAME + pieces.address();
    if !head.is_paged() {
        let count = usize::try_from(head.num_elmts).ok()?;
        let size = count.checked_mul(usize::from(head.element_size))?.checked_add(frame)?;
        let block = pieces.bytes(head.data_blk_addr, size)?;
        let block = FixedArrayDataBlock::decode_filtered(&block, &context, count, width).ok()?;
        found(0, block.filtered_elements);
        return Some(());
    }
    let (pages, page) = (head.npages(), head.dblk_page_nelmts());
    let size = usize::try_from(pages.div_ceil(8)).ok()?.checked_add(frame)?;
    let prefix = pieces.bytes(head.data_blk_addr, size)?;
    let prefix = FixedArrayPagedPrefix::decode(&prefix, &context, pages).ok()?;
    let first = head.data_blk_addr.checked_add(prefix.prefix_size as u64)?;
    let stride = page.checked_mul(each)?.checked_add(CHECKSUM as u64)?;
    for number in 0..pages {
        if !prefix.page_initialized(usize::try_from(number).ok()?) {
            continue;
        }
        let before = number.checked_mul(page)?;
        let count = usize::try_from(page.min(head.num_elmts - before)).ok()?;
        let at = number.checked_mul(stride)?.checked_add(first)?;
        let bytes = pieces.bytes(at, count * usize::from(head.element_size) + CHECKSUM)?;
        found(before, decode_filtered_page(&bytes, &context, count, width).ok()?);
    }
    Some(())
}

/// Takes over the chunks of an extensible array.
pub(super) fn extensible(
    pieces: &mut Pieces,
    at: u64,
    how: &EarrayParams,
    take: &mut Take<'_>,
) -> Option<()> {
    let context = pieces.context();
    let head = ExtensibleArrayHeader::decode(&pieces.bytes(at, HEADER)?, &context).ok()?;
    let width = u8::try_from(width_of_length(head.raw_elmt_size, context)?).ok()?;
    if head.class_id != EA_CLS_FILT_CHUNK {
        return None;
    }
    if head.idx_blk_addr == UNDEF_ADDR {
        return Some(());
    }
    let geometry = EaGeometry::new(
        how.idx_blk_elmts,
        how.data_blk_min_elmts,
        how.sup_blk_min_data_ptrs,
        how.max_nelmts_bits,
        how.max_dblk_page_nelmts_bits,
    )
    .ok()?;
    let first = usize::from(how.idx_blk_elmts);
    let addresses = geometry.ndblk_addrs.checked_add(geometry.nsblk_addrs)?;
    let each = usize::from(head.raw_elmt_size);
    let size = FRAME + pieces.address() * (addresses + 1) + first * each;
    let index = FilteredIndexBlock::decode(
        &pieces.bytes(head.idx_blk_addr, size)?,
        &context,
        first,
        geometry.ndblk_addrs,
        geometry.nsblk_addrs,
        width,
    )
    .ok()?;
    let bits = how.max_nelmts_bits;
    let blocks = Blocks { geometry, bits, width, each };
    blocks.found(0, index.elements, take);
    for (level, layout) in blocks.geometry.sblk.iter().enumerate() {
        let count = usize::try_from(layout.ndblks).ok()?;
        let (places, written) = match level.checked_sub(blocks.geometry.iblock_nsblks) {
            None => {
                let from = usize::try_from(layout.start_dblk).ok()?;
                (index.dblk_addrs.get(from..from.checked_add(count)?)?.to_vec(), Vec::new())
            }
            Some(above) => match *index.sblk_addrs.get(above)? {
                UNDEF_ADDR => continue,
                at => {
                    let flags = blocks.geometry.dblk_page_init_size(level).checked_mul(count)?;
                    let size = count.checked_mul(pieces.address())?.checked_add(flags)?;
                    let bytes = pieces.bytes(at, size.checked_add(FRAME + pieces.address())?)?;
                    let block =
                        ExtensibleArraySuperBlock::decode(&bytes, &context, bits, count, flags);
                    let block = block.ok()?;
                    (block.dblk_addrs, block.page_init)
                }
            },
        };
        let before = layout.start_idx.checked_add(first as u64)?;
        for (block, &at) in places.iter().enumerate().filter(|(_, at)| **at != UNDEF_ADDR) {
            let slot = layout.dblk_nelmts.checked_mul(block as u64)?.checked_add(before)?;
            if blocks.geometry.is_sblk_paged(level) {
                let pages = usize::try_from(blocks.geometry.npages(level)).ok()?;
                // The flags of all pages of the level lie one behind the other.
                let is_written = |page: usize| {
                    let bit = block * pages + page;
                    written.get(bit / 8).is_some_and(|flags| flags & (0x80 >> (bit % 8)) != 0)
                };
                blocks.pages(
                    pieces,
                    at,
                    slot,
                    (0..pages).filter(|&page| is_written(page)),
                    take,
                )?;
            } else {
                blocks.block(pieces, at, slot, usize::try_from(layout.dblk_nelmts).ok()?, take)?;
            }
        }
    }
    Some(())
}

/// What blocks of an extensible array are like.
struct Blocks {
    geometry: EaGeometry,
    bits: u8,
    /// Bytes of a chunk's length, and of an element.
    width: u8,
    each: usize,
}

impl Blocks {
    fn found(&self, first: u64, elements: Vec<FilteredChunkEntry>, take: &mut Take<'_>) {
        for (slot, element) in (first..).zip(elements) {
            if !element.is_undef() {
                let (length, left_out) = (element.nbytes, element.filter_mask);
                take(slot, Place { at: element.addr, length, left_out });
            }
        }
    }

    /// Takes over a block whose elements follow its head.
    fn block(
        &self,
        pieces: &mut Pieces,
        at: u64,
        slot: u64,
        count: usize,
        take: &mut Take<'_>,
    ) -> Option<()> {
        let size = count.checked_mul(self.each)?.checked_add(FRAME + pieces.address())?;
        let bytes = pieces.bytes(at, size)?;
        let context = pieces.context();
        let block = FilteredDataBlock::decode(&bytes, &context, self.bits, count, self.width);
        self.found(slot, block.ok()?.elements, take);
        Some(())
    }

    /// Takes over those pages of a block that were written.
    fn pages(
        &self,
        pieces: &mut Pieces,
        at: u64,
        slot: u64,
        written: impl Iterator<Item = usize>,
        take: &mut Take<'_>,
    ) -> Option<()> {
        let count = usize::try_from(self.geometry.dblk_page_nelmts).ok()?;
        let size = count.checked_mul(self.each)?.checked_add(CHECKSUM)?;
        let sizes = pieces.context();
        let prefix = self.geometry.dblk_prefix_size(sizes.sizeof_addr, self.bits) as u64;
        for page in written {
            let from = (size as u64).checked_mul(page as u64)?.checked_add(prefix)?;
            let bytes = pieces.bytes(at.checked_add(from)?, size)?;
            // They have the form of a fixed array's pages.
            let page_slot = (count as u64).checked_mul(page as u64)?.checked_add(slot)?;
            let elements = decode_filtered_page(&bytes, &sizes, count, self.width.into()).ok()?;
            let elements = elements.into_iter().map(|element| FilteredChunkEntry {
                addr: element.address,
                nbytes: element.chunk_size,
                filter_mask: element.filter_mask,
            });
            self.found(page_slot, elements.collect(), take);
        }
        Some(())
    }
}
