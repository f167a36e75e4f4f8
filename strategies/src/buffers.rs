//! What has been computed of the present tile, and as much of what came before as others still read.

/// Values of many nodes, each laid out as `[history | tile]`.
///
/// The history is moved to the front only when the room is used up, so that a long history costs little per tile. Of a node whose
/// values are a result, all are kept, in a vector of its own: they are written where they are wanted.
#[derive(Debug)]
pub(crate) struct Buffers<T> {
    values: Vec<T>,
    places: Vec<Place>,
    /// Those with a history.
    moving: Vec<usize>,
    /// Nodes of which all values are kept, in their order.
    kept: Vec<u32>,
    whole: Vec<Vec<T>>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    offset: usize,
    capacity: usize,
    history: usize,
    /// Where the tile begins, from `offset`.
    at: usize,
    /// Which of the whole columns it is.
    whole: Option<u32>,
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
    whole: &'a [Vec<T>],
}

impl<'a, T> Earlier<'a, T> {
    /// History and the first `len` values of the tile.
    pub(crate) fn window(&self, node: u32, len: usize) -> Window<'a, T> {
        let place = self.places[node as usize];
        let values = match place.whole {
            Some(whole) => &self.whole[whole as usize][..],
            None => &self.values[place.offset..],
        };
        Window {
            values: &values[..place.at + len],
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
                whole: None,
            });
            offset += capacity;
        }
        Self {
            values: vec![before; offset],
            places,
            moving,
            kept: Vec::new(),
            whole: Vec::new(),
        }
    }

    /// [`Buffers::new`], with all `bars` values kept of some nodes, which ascend.
    pub(crate) fn keeping(
        histories: impl Iterator<Item = Option<usize>>,
        tile: usize,
        before: T,
        kept: &[u32],
        bars: usize,
    ) -> Self {
        let histories = (0u32..).zip(histories);
        let elsewhere = |(node, history)| if kept.binary_search(&node).is_ok() { None } else { history };
        let mut buffers = Self::new(histories.map(elsewhere), tile, before);
        for (whole, node) in (0..).zip(kept) {
            buffers.places[*node as usize].whole = Some(whole);
        }
        buffers.kept = kept.to_vec();
        buffers.whole = kept.iter().map(|_| Vec::with_capacity(bars)).collect();
        buffers
    }

    /// The whole columns of the nodes that are kept, as far as they were computed.
    pub(crate) fn into_whole(self) -> impl Iterator<Item = (u32, Vec<T>)> {
        self.kept.into_iter().zip(self.whole)
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
        for (node, whole) in self.kept.iter().zip(&mut self.whole) {
            let place = &mut self.places[*node as usize];
            place.at += done;
            whole.resize(place.at + len, T::default());
        }
    }

    /// The first `len` values of a node's tile.
    pub(crate) fn tile(&self, node: u32, len: usize) -> &[T] {
        self.earlier().window(node, len).tile()
    }

    pub(crate) fn tile_mut(&mut self, node: u32, len: usize) -> &mut [T] {
        self.split(node, len).1
    }

    pub(crate) fn earlier(&self) -> Earlier<'_, T> {
        Earlier {
            values: &self.values,
            places: &self.places,
            whole: &self.whole,
        }
    }

    /// The nodes before `node`, and its tile of `len` values to write.
    pub(crate) fn split(&mut self, node: u32, len: usize) -> (Earlier<'_, T>, &mut [T]) {
        let place = self.places[node as usize];
        let (values, rest) = self.values.split_at_mut(place.offset);
        let places = &self.places;
        let (whole, room) = match place.whole {
            Some(at) => {
                let (whole, own) = self.whole.split_at_mut(at as usize);
                (&*whole, own[0].as_mut_slice())
            }
            None => (&*self.whole, rest),
        };
        (Earlier { values, places, whole }, &mut room[place.at..place.at + len])
    }

    /// The nodes before `first`, and the tiles of `count` nodes from it on, to write.
    pub(crate) fn split_many(&mut self, first: u32, count: u32, len: usize) -> (Earlier<'_, T>, Vec<&mut [T]>) {
        let places = &self.places;
        let (values, mut rest) = self.values.split_at_mut(places[first as usize].offset);
        let before = self.kept.partition_point(|node| *node < first);
        let (whole, own) = self.whole.split_at_mut(before);
        let mut own = own.iter_mut();
        let mut tiles = Vec::with_capacity(count as usize);
        for place in &places[first as usize..(first + count) as usize] {
            let (inner, others) = rest.split_at_mut(place.capacity);
            rest = others;
            let room = match place.whole {
                Some(_) => own.next().map_or(&mut [][..], Vec::as_mut_slice),
                None => inner,
            };
            tiles.push(&mut room[place.at..place.at + len]);
        }
        (Earlier { values, places, whole }, tiles)
    }

    /// The tiles of `node` and of the one after it, neither of them kept as a whole.
    pub(crate) fn pair(&mut self, node: u32, len: usize) -> (&mut [T], &mut [T]) {
        let (first, second) = (self.places[node as usize], self.places[node as usize + 1]);
        let (left, right) = self.values.split_at_mut(second.offset);
        (
            &mut left[first.offset + first.at..][..len],
            &mut right[second.at..second.at + len],
        )
    }
}
