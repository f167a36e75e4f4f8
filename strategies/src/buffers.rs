//! What has been computed of the present tile, and as much of what came before as others still read.

use std::collections::BTreeSet;

/// Values of many nodes, each laid out as `[history | tile]` in a vector of its own.
///
/// The history is moved to the front only when the room is used up, so that a long history costs little per tile. Of a node whose
/// values are a result, all are kept: they are written where they are wanted.
#[derive(Debug)]
pub(crate) struct Buffers<T> {
    values: Vec<Vec<T>>,
    places: Vec<Place>,
    /// Those with a history.
    moving: Vec<usize>,
    kept: Kept,
}

/// Nodes of which all values are kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// In their order.
    pub(crate) nodes: Vec<u32>,
    /// Those to which whoever computes them appends each tile. The others find room for it.
    pub(crate) appended: BTreeSet<u32>,
    pub(crate) bars: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    capacity: usize,
    history: usize,
    /// Where the tile begins.
    at: usize,
}

/// Values of one node up to the end of the tile; the tile begins at `at`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) at: usize,
}

impl<'a, T> Window<'a, T> {
    pub(crate) fn tile(&self) -> &'a [T] {
        &self.values[self.at..]
    }
}

/// The values of nodes before one that is being written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier<'a, T> {
    values: &'a [Vec<T>],
    places: &'a [Place],
}

impl<'a, T> Earlier<'a, T> {
    /// History and the first `len` values of the tile.
    pub(crate) fn window(&self, node: u32, len: usize) -> Window<'a, T> {
        let place = self.places[node as usize];
        Window {
            values: &self.values[node as usize][..place.at + len],
            at: place.at,
        }
    }
}

/// Room that a node needs for `history` values before tiles of `tile` values.
pub(crate) fn capacity(history: usize, tile: usize) -> usize {
    // A history longer than a tile is moved once in so many tiles.
    history + tile * (1 + history.div_ceil(tile.max(1)).min(history))
}

impl<T: Copy + Default> Buffers<T> {
    /// Room for nodes with these histories (`None`: the node keeps nothing here). Before the first bar stands `before`, and nothing
    /// before those that are kept.
    pub(crate) fn new(histories: &[Option<usize>], tile: usize, before: T, kept: Kept) -> Self {
        let (mut values, mut places, mut moving) = (Vec::new(), Vec::new(), Vec::new());
        for (node, history) in histories.iter().enumerate() {
            if kept.nodes.binary_search(&(node as u32)).is_ok() {
                values.push(Vec::with_capacity(kept.bars));
                places.push(Place {
                    capacity: kept.bars,
                    history: 0,
                    at: 0,
                });
                continue;
            }
            let (capacity, history) = history.map_or((0, 0), |history| (capacity(history, tile), history));
            if history > 0 {
                moving.push(node);
            }
            values.push(vec![before; capacity]);
            places.push(Place {
                capacity,
                history,
                at: history,
            });
        }
        Self {
            values,
            places,
            moving,
            kept,
        }
    }

    /// The nodes of which all values were kept, as far as they were computed.
    pub(crate) fn into_kept(mut self) -> Vec<(u32, Vec<T>)> {
        let values = |node: &u32| (*node, std::mem::take(&mut self.values[*node as usize]));
        self.kept.nodes.iter().map(values).collect()
    }

    /// Turns to a tile of `len` values after one of `done` values.
    pub(crate) fn advance(&mut self, done: usize, len: usize) {
        for node in &self.moving {
            let place = &mut self.places[*node];
            place.at += done;
            if place.at + len > place.capacity {
                let from = place.at - place.history;
                self.values[*node].copy_within(from..from + place.history, 0);
                place.at = place.history;
            }
        }
        for node in &self.kept.nodes {
            let place = &mut self.places[*node as usize];
            place.at += done;
            if self.kept.appended.contains(node) {
                continue;
            }
            self.values[*node as usize].resize(place.at + len, T::default());
        }
    }

    /// The first `len` values of a node's tile.
    pub(crate) fn tile(&self, node: u32, len: usize) -> &[T] {
        let place = self.places[node as usize];
        &self.values[node as usize][place.at..place.at + len]
    }

    pub(crate) fn tile_mut(&mut self, node: u32, len: usize) -> &mut [T] {
        let place = self.places[node as usize];
        &mut self.values[node as usize][place.at..place.at + len]
    }

    pub(crate) fn earlier(&self) -> Earlier<'_, T> {
        Earlier {
            values: &self.values,
            places: &self.places,
        }
    }

    /// The nodes before `node`, and its tile of `len` values to write.
    pub(crate) fn split(&mut self, node: u32, len: usize) -> (Earlier<'_, T>, &mut [T]) {
        let at = self.places[node as usize].at;
        let (values, rest) = self.values.split_at_mut(node as usize);
        let places = &self.places;
        (Earlier { values, places }, &mut rest[0][at..at + len])
    }

    /// The nodes before `first`, and the tiles of `count` nodes from it on, to write.
    pub(crate) fn split_many(&mut self, first: u32, count: u32, len: usize) -> (Earlier<'_, T>, Vec<&mut [T]>) {
        let places = &self.places;
        let (values, rest) = self.values.split_at_mut(first as usize);
        let own = rest[..count as usize].iter_mut().zip(&places[first as usize..]);
        let tiles = own.map(|(values, place)| &mut values[place.at..place.at + len]).collect();
        (Earlier { values, places }, tiles)
    }

    /// The tiles of `node` and of the one after it.
    pub(crate) fn pair(&mut self, node: u32, len: usize) -> (&mut [T], &mut [T]) {
        let at = |node: u32| self.places[node as usize].at;
        let (first, second) = (at(node), at(node + 1));
        let (left, right) = self.values.split_at_mut(node as usize + 1);
        (
            &mut left[node as usize][first..first + len],
            &mut right[0][second..second + len],
        )
    }

    /// Takes the values of a node out, to be written while others are read, with the place of its tile. See [`Buffers::give_back`].
    pub(crate) fn take(&mut self, node: u32) -> (Vec<T>, usize) {
        (std::mem::take(&mut self.values[node as usize]), self.places[node as usize].at)
    }

    pub(crate) fn give_back(&mut self, node: u32, values: Vec<T>) {
        self.values[node as usize] = values;
    }
}
