//! Values on their way to the card and back.

use super::Recorder;
use crate::engine::gpu::arrays::Array;
use crate::engine::gpu::programs::LONGEST_WAIT;
use bytemuck::Pod;
use std::num::NonZeroU64;

/// Bytes that are brought to the card in one piece.
const PIECE: usize = 1 << 26;

impl Recorder {
    /// Brings values to an array, from byte `from` of it on, behind all commands so far.
    pub fn write(&mut self, array: Array, from: usize, values: &[u8]) {
        self.flush();
        self.write_to(&self.arrays[array as usize], from, values);
    }

    /// As [`write`](Self::write), to a stack of measured patterns.
    pub fn write_stack(&mut self, stack: usize, from: usize, values: &[u8]) {
        self.write_to(&self.stacks[stack], from, values);
    }

    /// Waits until stack `stack` of two is no longer in use; what is recorded next uses it.
    pub fn turn_to(&mut self, stack: usize) {
        self.flush();
        self.used[1 - stack] = self.last.clone();
        let Some(index) = self.used[stack].take() else { return };
        let wait = wgpu::PollType::Wait { submission_index: Some(index), timeout: None };
        if self.gpu.0.device.poll(wait).is_err() {
            self.gpu.0.failure.note("it does not answer".to_owned());
        }
    }

    /// Brings patterns to a stack, from byte `from` of it on, with the commands recorded next.
    pub fn fill<'a>(
        &mut self,
        stack: usize,
        from: usize,
        patterns: impl ExactSizeIterator<Item = &'a [u8]>,
        of_one: usize,
    ) {
        let bytes = (patterns.len() * of_one).next_multiple_of(4);
        let Some(size) = NonZeroU64::new(bytes as u64) else { return };
        let queue = &self.gpu.0.queue;
        let Some(mut view) = queue.write_buffer_with(&self.stacks[stack], from as u64, size) else {
            return;
        };
        self.gpu.count(0, bytes);
        let mut at = 0;
        for pattern in patterns {
            view.slice(at..at + of_one).copy_from_slice(pattern);
            at += of_one;
        }
        view.slice(at..).copy_from_slice(&[0; 4][..bytes - at]);
    }

    fn write_to(&self, buffer: &wgpu::Buffer, from: usize, values: &[u8]) {
        let queue = &self.gpu.0.queue;
        self.gpu.count(0, values.len());
        for (piece, values) in values.chunks(PIECE).enumerate() {
            queue.write_buffer(buffer, (from + piece * PIECE) as u64, values);
            if values.len() == PIECE {
                // What is on its way takes memory of its own.
                queue.submit([]);
            }
        }
    }

    /// Calls `take` with the values of each of some parts of arrays, given by their first byte and
    /// their length, after all commands so far; with none where the card has failed.
    pub fn read(&mut self, parts: &[(Array, usize, usize)], take: impl FnMut(usize, &[u8])) {
        let parts: Vec<(wgpu::Buffer, u64, usize)> = parts
            .iter()
            .map(|&(array, from, bytes)| (self.array(array).clone(), from as u64, bytes))
            .collect();
        self.read_parts(&parts, take);
    }

    fn read_parts(
        &mut self,
        parts: &[(wgpu::Buffer, u64, usize)],
        mut take: impl FnMut(usize, &[u8]),
    ) {
        self.flush();
        let total: usize = parts.iter().map(|part| part.2.next_multiple_of(8)).sum();
        self.gpu.count(1, total);
        let device = &self.gpu.0.device;
        let staging = match self.staging.take() {
            Some(staging) if staging.size() >= total as u64 => staging,
            _ => device.create_buffer(&wgpu::BufferDescriptor {
                label: None,
                size: total.next_power_of_two().max(8) as u64,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        };
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut at = 0;
        for &(ref buffer, from, bytes) in parts {
            let bytes = bytes as u64;
            encoder.copy_buffer_to_buffer(buffer, from, &staging, at, bytes);
            at += bytes.next_multiple_of(8);
        }
        self.gpu.0.queue.submit([encoder.finish()]);
        let (tell, told) = std::sync::mpsc::channel();
        staging.map_async(wgpu::MapMode::Read, ..total as u64, move |result| {
            let _ = tell.send(result.is_ok());
        });
        let polled = device.poll(wgpu::PollType::wait_indefinitely());
        // The signal may go to another thread that waits for the same card.
        if polled.is_err() || !told.recv_timeout(LONGEST_WAIT).unwrap_or(false) {
            self.gpu.0.failure.note("it does not answer".to_owned());
            return;
        }
        let Ok(view) = staging.get_mapped_range(..total as u64) else {
            self.gpu.0.failure.note("its memory cannot be read".to_owned());
            return;
        };
        let mut at = 0;
        for (index, &(_, _, bytes)) in parts.iter().enumerate() {
            take(index, &view[at..at + bytes]);
            at += bytes.next_multiple_of(8);
        }
        drop(view);
        staging.unmap();
        self.staging = Some(staging);
    }

    /// Reads the first numbers of a buffer.
    pub fn read_buffer<T: Pod>(&mut self, buffer: &wgpu::Buffer, to: &mut [T]) {
        self.read_buffer_at(buffer, 0, to);
    }

    /// Reads numbers of a buffer, from byte `at` on.
    pub fn read_buffer_at<T: Pod>(&mut self, buffer: &wgpu::Buffer, at: u64, to: &mut [T]) {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(to);
        self.read_parts(&[(buffer.clone(), at, bytes.len())], |_, values| {
            bytes.copy_from_slice(values);
        });
    }

    /// Brings values to a buffer, from byte `at` on, behind all commands so far.
    pub fn write_buffer(&mut self, buffer: &wgpu::Buffer, at: u64, values: &[u8]) {
        self.flush();
        self.write_to(buffer, at as usize, values);
    }

    /// Reads parts of arrays of numbers, given by their first number, into slices that say how
    /// many.
    pub fn read_into<'a, T: Pod>(
        &mut self,
        parts: impl IntoIterator<Item = (Array, usize, &'a mut [T])>,
    ) {
        let mut slices = Vec::new();
        let mut bytes = Vec::new();
        for (array, from, slice) in parts {
            bytes.push((array, from * size_of::<T>(), size_of_val(slice)));
            slices.push(slice);
        }
        self.read(&bytes, |index, values| {
            bytemuck::cast_slice_mut::<T, u8>(slices[index]).copy_from_slice(values);
        });
    }
}
