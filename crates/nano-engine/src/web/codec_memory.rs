//! Memory for brotli's states that is counted.

use std::cell::Cell;
use std::rc::Rc;

use brotli::enc::combined_alloc::BrotliAlloc;
use brotli::{Allocator, SliceWrapper, SliceWrapperMut};

/// Allocates, and keeps count of the bytes that are in use.
#[derive(Clone)]
pub(super) struct Counted(pub Rc<Cell<usize>>);

/// So many of one type.
pub(super) struct Cells<T> {
    cells: Box<[T]>,
    count: Option<Rc<Cell<usize>>>,
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Self { cells: Box::default(), count: None }
    }
}

impl<T> Drop for Cells<T> {
    fn drop(&mut self) {
        if let Some(count) = &self.count {
            count.set(count.get().saturating_sub(size_of_val(&*self.cells)));
        }
    }
}

impl<T> SliceWrapper<T> for Cells<T> {
    fn slice(&self) -> &[T] {
        &self.cells
    }
}

impl<T> SliceWrapperMut<T> for Cells<T> {
    fn slice_mut(&mut self) -> &mut [T] {
        &mut self.cells
    }
}

impl<T> std::ops::Index<usize> for Cells<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.cells[index]
    }
}

impl<T> std::ops::IndexMut<usize> for Cells<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.cells[index]
    }
}

impl<T: Clone + Default> Allocator<T> for Counted {
    type AllocatedMemory = Cells<T>;

    fn alloc_cell(&mut self, len: usize) -> Cells<T> {
        let cells = vec![T::default(); len].into_boxed_slice();
        self.0.set(self.0.get() + size_of_val(&*cells));
        Cells { cells, count: Some(self.0.clone()) }
    }

    fn free_cell(&mut self, cells: Cells<T>) {
        drop(cells);
    }
}

impl BrotliAlloc for Counted {}
