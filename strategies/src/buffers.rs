//! What has been computed of the present tile, and as much of what came before as others still read.

/// Values of many nodes, each laid out as `[history | tile]`.
///
/// The history is moved to the front only when the room is used up, so that a long history costs little per tile.
#[derive(Debug)]
pub(crate) struct Buffers<T> {
    values: Vec<T>,
    places: Vec<Place>,
    /// Those with a history.
    moving: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: usize,
    capacity: usize,
    history: usize,
    /// Where the tile begins, from `offset`.
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
    values: &'a [T],
    places: &'a [Place],
}

impl<'a, T> Earlier<'a, T> {
    /// History and the first `len` values of the tile.
    pub(crate) fn window(&self, node: u32, len: usize) -> Window<'a, T> {
        let place = self.places[node as usize];
        Window {
            values: &self.values[place.offset..place.offset + place.at + len],
            at: place.at,
        }
    }
}

/// Room that a node needs for `history` values before tiles of `tile` values.
pub(crate) fn capacity(history: usize, tile: usize) -> usize {
    // A history longer than a tile is moved once in so many tiles.
    history + tile * (1 + history.div_ceil(tile.max(1)).min(history))
}

impl<T: Copy> Buffers<T> {
    /// Room for nodes with these histories (`None`: the node keeps nothing here). Before the first bar stands `before`.
    pub(crate) fn new(histories: impl Iterator<Item = Option<usize>>, tile: usize, before: T) -> Self {
        let (mut places, mut moving, mut offset) = (Vec::new(), Vec::new(), 0);
        for history in histories {
            let (capacity, history) = history.map_or((0, 0), |history| (capacity(history, tile), history));
            if history > 0 {
                moving.push(places.len());
            }
            places.push(Place {
                offset,
                capacity,
                history,
                at: history,
            });
            offset += capacity;
        }
        Self {
            values: vec![before; offset],
            places,
            moving,
        }
    }

    /// Turns to a tile of `len` values after one of `done` values.
    pub(crate) fn advance(&mut self, done: usize, len: usize) {
        for node in &self.moving {
            let place = &mut self.places[*node];
            place.at += done;
            if place.at + len > place.capacity {
                let from = place.offset + place.at - place.history;
                self.values.copy_within(from..from + place.history, place.offset);
                place.at = place.history;
            }
        }
    }

    /// The first `len` values of a node's tile.
    pub(crate) fn tile(&self, node: u32, len: usize) -> &[T] {
        let place = self.places[node as usize];
        &self.values[place.offset + place.at..][..len]
    }

    pub(crate) fn tile_mut(&mut self, node: u32, len: usize) -> &mut [T] {
        let place = self.places[node as usize];
        &mut self.values[place.offset + place.at..][..len]
    }

    pub(crate) fn earlier(&self) -> Earlier<'_, T> {
        Earlier {
            values: &self.values,
            places: &self.places,
        }
    }

    /// The nodes before `node`, and its tile of `len` values to write.
    pub(crate) fn split(&mut self, node: u32, len: usize) -> (Earlier<'_, T>, &mut [T]) {
        let place = self.places[node as usize];
        let (values, rest) = self.values.split_at_mut(place.offset);
        let places = &self.places;
        (Earlier { values, places }, &mut rest[place.at..place.at + len])
    }

    /// The nodes before `first`, and the tiles of `count` nodes from it on, to write.
    pub(crate) fn split_many(&mut self, first: u32, count: u32, len: usize) -> (Earlier<'_, T>, Vec<&mut [T]>) {
        let places = &self.places;
        let (values, mut rest) = self.values.split_at_mut(places[first as usize].offset);
        let mut tiles = Vec::with_capacity(count as usize);
        for place in &places[first as usize..(first + count) as usize] {
            let (own, others) = rest.split_at_mut(place.capacity);
            tiles.push(&mut own[place.at..place.at + len]);
            rest = others;
        }
        (Earlier { values, places }, tiles)
    }

    /// The tiles of `node` and of the one after it.
    pub(crate) fn pair(&mut self, node: u32, len: usize) -> (&mut [T], &mut [T]) {
        let (first, second) = (self.places[node as usize], self.places[node as usize + 1]);
        let (left, right) = self.values.split_at_mut(second.offset);
        (
            &mut left[first.offset + first.at..][..len],
            &mut right[second.at..second.at + len],
        )
    }
}
