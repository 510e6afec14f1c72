//! The pickle inside a `.pth` file, read by a machine that knows dictionaries, tensors and nothing else.
//! A pickle is a program for Python. This reader runs none of it: a name outside the short list below ends the reading.
//! Knows bytes. Knows nothing of files or networks.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::stored::Numbers;

/// A list of the published files needs 30 kB; more than this is no list of tensors.
pub(crate) const LONGEST_PICKLE: u64 = 8 << 20;
/// Tuples inside tuples: a tensor needs three.
const DEEPEST: usize = 16;
/// Things waiting on the stack, and remembered ones.
const MOST_ITEMS: usize = 200_000;
/// Dictionaries inside dictionaries: `checkpoint["model"]["encoder"]` needs three.
const DEEPEST_DICTIONARY: usize = 8;
/// Entries of dictionaries looked at, whichever way they are reached.
const MOST_ENTRIES: usize = 100_000;

/// A tensor as the pickle describes it; its numbers lie in a record of the archive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PickledTensor {
    /// Name of the record below `data/`.
    pub record: Rc<str>,
    pub numbers: Numbers,
    /// First number of the record that belongs to the tensor.
    pub offset: u64,
    pub shape: Vec<usize>,
    /// Row after row without gaps.
    pub is_contiguous: bool,
}

/// What may be named in a weights file. Everything else a pickle can name is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Known {
    /// `collections.OrderedDict`
    Dictionary,
    /// `torch._utils._rebuild_tensor_v2`
    Tensor,
    /// `torch._utils._rebuild_parameter`: a tensor with a flag.
    Parameter,
    /// `torch.FloatStorage` and its siblings of other number formats.
    Storage(Numbers),
}

#[derive(Clone, Debug)]
enum Item {
    Mark,
    Nothing,
    Whole(i64),
    Text(Rc<str>),
    Known(Known),
    Tuple {
        items: Rc<[Item]>,
        depth: usize,
    },
    /// Its contents are of no interest.
    List,
    Dictionary(usize),
    Storage {
        record: Rc<str>,
        numbers: Numbers,
    },
    Tensor(Rc<PickledTensor>),
}

type Answer<T> = Result<T, String>;

/// Every tensor of a pickle by its dotted name.
///
/// # Errors
/// Words for a pickle that names anything but tensors and dictionaries, is cut short, or is made to eat memory.
pub(crate) fn tensors_of_pickle(bytes: &[u8]) -> Answer<BTreeMap<String, PickledTensor>> {
    let mut machine = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        memo: HashMap::new(),
        dictionaries: Vec::new(),
        entries: 0,
    };
    match machine.run()? {
        Item::Dictionary(root) => {
            let mut found = BTreeMap::new();
            let mut looked_at = 0;
            machine.collect(root, "", 0, &mut looked_at, &mut found)?;
            Ok(found)
        }
        _ => Err("it holds something else than a dictionary of tensors".to_owned()),
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Item>,
    memo: HashMap<u32, Item>,
    dictionaries: Vec<Vec<(Rc<str>, Item)>>,
    entries: usize,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Answer<Item> {
        loop {
            match self.byte()? {
                // Version, and the length of what follows: of no use to a reader of a whole file.
                0x80 => {
                    self.byte()?;
                }
                0x95 => {
                    self.take(8)?;
                }
                b'.' => return self.pop(),
                b'(' => self.push(Item::Mark)?,
                b'N' | 0x88 | 0x89 => self.push(Item::Nothing)?,
                b'G' => {
                    self.take(8)?;
                    self.push(Item::Nothing)?;
                }
                b'K' => {
                    let value = i64::from(self.byte()?);
                    self.push(Item::Whole(value))?;
                }
                b'M' => {
                    let value = i64::from(u16::from_le_bytes(self.array()?));
                    self.push(Item::Whole(value))?;
                }
                b'J' => {
                    let value = i64::from(i32::from_le_bytes(self.array()?));
                    self.push(Item::Whole(value))?;
                }
                0x8a => {
                    let length = usize::from(self.byte()?);
                    let value = whole(self.take(length)?)?;
                    self.push(Item::Whole(value))?;
                }
                0x8c | b'U' => {
                    let length = usize::from(self.byte()?);
                    self.text(length)?;
                }
                b'X' | b'T' => {
                    let length = self.length()?;
                    self.text(length)?;
                }
                b')' => self.push(tuple(Vec::new())?)?,
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(tuple(items)?)?;
                }
                count @ 0x85..=0x87 => {
                    let count = usize::from(count - 0x84);
                    let start = self.stack.len().checked_sub(count).ok_or_else(damaged)?;
                    let items = self.stack.split_off(start);
                    self.push(tuple(items)?)?;
                }
                b']' => self.push(Item::List)?,
                b'l' => {
                    self.pop_to_mark()?;
                    self.push(Item::List)?;
                }
                b'a' => {
                    self.pop()?;
                }
                b'e' => {
                    self.pop_to_mark()?;
                }
                b'}' => self.push_dictionary()?,
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.push_dictionary()?;
                    self.set(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set(items)?;
                }
                // Attributes of a dictionary (`_metadata` of a state_dict): not its entries.
                b'b' => {
                    self.pop()?;
                    if !matches!(
                        self.stack.last(),
                        Some(Item::Dictionary(_) | Item::Tensor(_))
                    ) {
                        return Err(damaged());
                    }
                }
                b'0' => {
                    self.pop()?;
                }
                b'q' => {
                    let slot = u32::from(self.byte()?);
                    self.remember(slot)?;
                }
                b'r' => {
                    let slot = u32::from_le_bytes(self.array()?);
                    self.remember(slot)?;
                }
                0x94 => {
                    let slot = u32::try_from(self.memo.len()).map_err(|_| too_much())?;
                    self.remember(slot)?;
                }
                b'h' => {
                    let slot = u32::from(self.byte()?);
                    self.recall(slot)?;
                }
                b'j' => {
                    let slot = u32::from_le_bytes(self.array()?);
                    self.recall(slot)?;
                }
                b'c' => {
                    let module = self.line()?;
                    let name = self.line()?;
                    self.push(Item::Known(known(&module, &name)?))?;
                }
                0x93 => match (self.pop()?, self.pop()?) {
                    (Item::Text(name), Item::Text(module)) => {
                        self.push(Item::Known(known(&module, &name)?))?;
                    }
                    _ => return Err(damaged()),
                },
                b'Q' => {
                    let record = storage(self.pop()?)?;
                    self.push(record)?;
                }
                b'R' => {
                    let arguments = self.pop()?;
                    let callee = self.pop()?;
                    self.call(&callee, &arguments)?;
                }
                // INST, OBJ, NEWOBJ, EXT and the like make objects of classes: weights have none.
                b'i' | b'o' | 0x81 | 0x82 | 0x83 | 0x84 | 0x92 => {
                    return Err("it holds objects of Python classes and not only tensors; save the state_dict alone".to_owned());
                }
                other => {
                    return Err(format!(
                        "its list of tensors uses instruction 0x{other:02x}, which lists of tensors do not need"
                    ));
                }
            }
        }
    }

    /// Makes what a call would make, of the three calls weights need.
    fn call(&mut self, callee: &Item, arguments: &Item) -> Answer<()> {
        let (Item::Known(callee), Item::Tuple { items, .. }) = (callee, arguments) else {
            return Err(damaged());
        };
        match (callee, items.as_ref()) {
            (Known::Dictionary, []) => self.push_dictionary(),
            (
                Known::Tensor,
                [
                    Item::Storage { record, numbers },
                    Item::Whole(offset),
                    shape,
                    strides,
                    ..,
                ],
            ) => {
                let (shape, strides) = (sizes(shape)?, sizes(strides)?);
                let tensor = PickledTensor {
                    record: record.clone(),
                    numbers: *numbers,
                    offset: u64::try_from(*offset).map_err(|_| damaged())?,
                    is_contiguous: is_contiguous(&shape, &strides),
                    shape,
                };
                self.push(Item::Tensor(Rc::new(tensor)))
            }
            (Known::Parameter, [tensor @ Item::Tensor(_), ..]) => self.push(tensor.clone()),
            _ => Err(damaged()),
        }
    }

    /// Names and tensors of a dictionary and those inside it.
    fn collect(
        &self,
        dictionary: usize,
        prefix: &str,
        depth: usize,
        looked_at: &mut usize,
        found: &mut BTreeMap<String, PickledTensor>,
    ) -> Answer<()> {
        if depth > DEEPEST_DICTIONARY {
            return Err("its dictionaries lie in one another without end".to_owned());
        }
        for (key, value) in self.dictionaries.get(dictionary).into_iter().flatten() {
            *looked_at += 1;
            if *looked_at > MOST_ENTRIES {
                return Err(too_much());
            }
            match value {
                Item::Tensor(tensor) => {
                    found.insert(format!("{prefix}{key}"), (**tensor).clone());
                }
                Item::Dictionary(inner) => {
                    self.collect(
                        *inner,
                        &format!("{prefix}{key}."),
                        depth + 1,
                        looked_at,
                        found,
                    )?;
                }
                // Numbers and words beside the weights (an epoch, a name).
                _ => {}
            }
        }
        Ok(())
    }

    fn set(&mut self, items: Vec<Item>) -> Answer<()> {
        let Some(Item::Dictionary(index)) = self.stack.last() else {
            return Err(damaged());
        };
        let Some(dictionary) = self.dictionaries.get_mut(*index) else {
            return Err(damaged());
        };
        self.entries += items.len() / 2;
        if self.entries > MOST_ITEMS {
            return Err(too_much());
        }
        let mut items = items.into_iter();
        while let Some(key) = items.next() {
            let value = items.next().ok_or_else(damaged)?;
            let key = match key {
                Item::Text(text) => text,
                // An optimiser numbers its tensors.
                Item::Whole(number) => number.to_string().into(),
                _ => return Err(damaged()),
            };
            dictionary.push((key, value));
        }
        Ok(())
    }

    fn push_dictionary(&mut self) -> Answer<()> {
        if self.dictionaries.len() >= MOST_ENTRIES {
            return Err(too_much());
        }
        self.dictionaries.push(Vec::new());
        self.push(Item::Dictionary(self.dictionaries.len() - 1))
    }

    fn push(&mut self, item: Item) -> Answer<()> {
        if self.stack.len() >= MOST_ITEMS {
            return Err(too_much());
        }
        self.stack.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Answer<Item> {
        match self.stack.pop() {
            Some(Item::Mark) | None => Err(damaged()),
            Some(item) => Ok(item),
        }
    }

    fn pop_to_mark(&mut self) -> Answer<Vec<Item>> {
        let mark = self
            .stack
            .iter()
            .rposition(|item| matches!(item, Item::Mark))
            .ok_or_else(damaged)?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn remember(&mut self, slot: u32) -> Answer<()> {
        if self.memo.len() >= MOST_ITEMS {
            return Err(too_much());
        }
        match self.stack.last() {
            Some(Item::Mark) | None => Err(damaged()),
            Some(item) => {
                self.memo.insert(slot, item.clone());
                Ok(())
            }
        }
    }

    fn recall(&mut self, slot: u32) -> Answer<()> {
        let item = self.memo.get(&slot).cloned().ok_or_else(damaged)?;
        self.push(item)
    }

    fn text(&mut self, length: usize) -> Answer<()> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| damaged())?;
        let text = Rc::from(text);
        self.push(Item::Text(text))
    }

    fn line(&mut self) -> Answer<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(cut)?;
        let text = std::str::from_utf8(self.take(end)?)
            .map_err(|_| damaged())?
            .to_owned();
        self.byte()?;
        Ok(text)
    }

    fn length(&mut self) -> Answer<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| cut())
    }

    fn byte(&mut self) -> Answer<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Answer<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| cut())
    }

    /// The next bytes; a length beyond the end is an error before anything is reserved for it.
    fn take(&mut self, count: usize) -> Answer<&'a [u8]> {
        let end = self.at.checked_add(count).ok_or_else(cut)?;
        let bytes = self.bytes.get(self.at..end).ok_or_else(cut)?;
        self.at = end;
        Ok(bytes)
    }
}

fn known(module: &str, name: &str) -> Answer<Known> {
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Known::Dictionary,
        ("torch._utils", "_rebuild_tensor_v2") => Known::Tensor,
        ("torch._utils", "_rebuild_parameter") => Known::Parameter,
        ("torch", "FloatStorage") => Known::Storage(Numbers::F32),
        ("torch", "HalfStorage") => Known::Storage(Numbers::F16),
        ("torch", "BFloat16Storage") => Known::Storage(Numbers::BF16),
        ("torch", "DoubleStorage") => Known::Storage(Numbers::F64),
        ("torch", "LongStorage") => Known::Storage(Numbers::Other("whole numbers", 8)),
        ("torch", "IntStorage") => Known::Storage(Numbers::Other("whole numbers", 4)),
        ("torch", "ShortStorage") => Known::Storage(Numbers::Other("whole numbers", 2)),
        ("torch", "ByteStorage" | "CharStorage") => {
            Known::Storage(Numbers::Other("whole numbers", 1))
        }
        ("torch", "BoolStorage") => Known::Storage(Numbers::Other("true and false", 1)),
        _ => {
            let printable: String = format!("{module}.{name}")
                .chars()
                .filter(|c| !c.is_control())
                .take(80)
                .collect();
            return Err(format!(
                "it asks Python for {printable}, which weights do not need and Terroir never runs; \
                 get it from a source you trust, or save the state_dict alone"
            ));
        }
    })
}

/// `("storage", torch.FloatStorage, "0", "cpu", 589824)`
fn storage(item: Item) -> Answer<Item> {
    let Item::Tuple { items, .. } = item else {
        return Err(damaged());
    };
    match items.as_ref() {
        [
            Item::Text(what),
            Item::Known(Known::Storage(numbers)),
            Item::Text(record),
            Item::Text(_),
            Item::Whole(_),
        ] if &**what == "storage" => Ok(Item::Storage {
            record: record.clone(),
            numbers: *numbers,
        }),
        _ => Err(damaged()),
    }
}

fn sizes(item: &Item) -> Answer<Vec<usize>> {
    let Item::Tuple { items, .. } = item else {
        return Err(damaged());
    };
    items
        .iter()
        .map(|item| match item {
            Item::Whole(size) => usize::try_from(*size).map_err(|_| damaged()),
            _ => Err(damaged()),
        })
        .collect()
}

fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    shape.len() == strides.len()
        && shape.iter().zip(strides).rev().all(|(size, stride)| {
            let fits = *size == 1 || *stride == expected;
            expected = expected.saturating_mul(*size);
            fits
        })
}

fn tuple(items: Vec<Item>) -> Answer<Item> {
    let depth = items
        .iter()
        .map(|item| match item {
            Item::Tuple { depth, .. } => depth + 1,
            _ => 1,
        })
        .max()
        .unwrap_or(0);
    if depth > DEEPEST {
        return Err("its tuples lie in one another without end".to_owned());
    }
    Ok(Item::Tuple {
        items: items.into(),
        depth,
    })
}

/// Little-endian, two's complement.
fn whole(bytes: &[u8]) -> Answer<i64> {
    if bytes.len() > 8 {
        // A seed or a counter beside the weights may be longer; as a size it is nonsense either way.
        return Ok(-1);
    }
    let fill = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) {
        0xff
    } else {
        0
    };
    let mut all = [fill; 8];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    Ok(i64::from_le_bytes(all))
}

fn damaged() -> String {
    "its list of tensors is damaged".to_owned()
}

fn cut() -> String {
    "its list of tensors is cut short".to_owned()
}

fn too_much() -> String {
    "its list of tensors is far longer than any model's".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text with its opcode.
    fn text(value: &str) -> Vec<u8> {
        let mut bytes = vec![b'X'];
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value.as_bytes());
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        tensors_of_pickle(bytes).unwrap_err()
    }

    /// `{"a": tensor of shape}` as `torch.save` writes it.
    fn one_tensor(shape: &[u8], strides: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x80\x02}".to_vec();
        bytes.extend(text("a"));
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        bytes.extend(text("storage"));
        bytes.extend(b"ctorch\nFloatStorage\n");
        bytes.extend(text("0"));
        bytes.extend(text("cpu"));
        bytes.extend(b"K\x06tQK\x00");
        for sizes in [shape, strides] {
            bytes.push(b'(');
            sizes.iter().for_each(|size| bytes.extend([b'K', *size]));
            bytes.push(b't');
        }
        bytes.extend(b"\x89ccollections\nOrderedDict\n)RtRs.");
        bytes
    }

    #[test]
    fn a_tensor_is_found_with_its_shape() {
        let found = tensors_of_pickle(&one_tensor(&[2, 3], &[3, 1])).unwrap();
        let tensor = &found["a"];
        assert_eq!(
            (tensor.shape.as_slice(), tensor.is_contiguous),
            ([2, 3].as_slice(), true)
        );
        assert_eq!((&*tensor.record, tensor.numbers), ("0", Numbers::F32));
        assert!(!tensors_of_pickle(&one_tensor(&[2, 3], &[1, 2])).unwrap()["a"].is_contiguous);
    }

    #[test]
    fn names_outside_the_list_end_the_reading() {
        for (module, name) in [
            ("posix", "system"),
            ("os", "system"),
            ("builtins", "eval"),
            ("builtins", "getattr"),
            ("subprocess", "Popen"),
            ("torch", "load"),
            ("torch.hub", "load"),
            ("collections", "OrderedDict.__init__"),
        ] {
            let old = format!("c{module}\n{name}\n(S'touch /tmp/x'\ntR.");
            assert!(refusal(old.as_bytes()).contains(&format!("{module}.{name}")));
            let mut new = b"\x80\x04".to_vec();
            for word in [module, name] {
                new.extend([0x8c, word.len() as u8]);
                new.extend(word.as_bytes());
            }
            new.extend(b"\x93.");
            assert!(refusal(&new).contains(&format!("{module}.{name}")));
        }
        // Objects of classes, the other doors of a pickle.
        for bytes in [
            &b"(ios\nsystem\n."[..],
            b"(cos\nsystem\no.",
            b"ccollections\nOrderedDict\n)\x81.",
            b"\x82\x01.",
        ] {
            refusal(bytes);
        }
    }

    #[test]
    fn forged_lengths_reserve_nothing() {
        for bytes in [
            &b"X\xff\xff\xff\xff"[..],
            b"X\xff\xff\xff\x7fabc.",
            b"\x8a\xff\x01.",
            b"T\x00\x00\x00\x80.",
            b"j\xff\xff\xff\xff.",
            b"}r\xff\xff\xff\xff",
            b"",
            b".",
            b"t.",
            b"u.",
            b"s.",
            b"\x87.",
            b"Q.",
            b"R.",
            b"(.",
            b"ctorch",
        ] {
            refusal(bytes);
        }
    }

    #[test]
    fn nests_without_end_are_refused() {
        let mut deep = vec![b')'];
        deep.extend(std::iter::repeat_n(0x85, 1_000_000));
        deep.push(b'.');
        assert!(refusal(&deep).contains("without end"));

        // A dictionary that holds itself.
        let mut itself = b"}q\x00".to_vec();
        itself.extend(text("me"));
        itself.extend(b"h\x00s.");
        assert!(refusal(&itself).contains("without end"));

        // Each of eight dictionaries holds the next one forty times: 40^7 tensors.
        let mut bomb = Vec::new();
        for level in 0..8_u8 {
            bomb.extend([b'}', b'q', level, b'(']);
            for entry in 0..40 {
                bomb.extend(text(&entry.to_string()));
                match level {
                    0 => bomb.push(b'N'),
                    _ => bomb.extend([b'h', level - 1]),
                }
            }
            bomb.push(b'u');
        }
        bomb.push(b'.');
        assert!(refusal(&bomb).contains("far longer"));

        let many = [vec![b'}'; 300_000], vec![b'.']].concat();
        assert!(refusal(&many).contains("far longer"));
        let marks = vec![b'('; 300_000];
        assert!(refusal(&marks).contains("far longer"));
    }

    #[test]
    fn sizes_below_zero_and_wrong_kinds_are_damage() {
        assert_eq!(whole(&[0xff]), Ok(-1));
        assert_eq!(whole(&[0xff, 0x00]), Ok(255));
        let mut negative = one_tensor(&[2, 3], &[3, 1]);
        let at = negative
            .windows(2)
            .rposition(|pair| pair == b"K\x02")
            .unwrap();
        negative.splice(at..at + 2, *b"\x8a\x01\xff");
        assert!(refusal(&negative).contains("damaged"));
    }

    #[test]
    fn no_bytes_at_all_make_it_panic() {
        let whole = one_tensor(&[2, 3], &[3, 1]);
        for end in 0..whole.len() {
            refusal(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut spoilt = whole.clone();
                spoilt[at] = value;
                let _outcome = tensors_of_pickle(&spoilt);
            }
        }
    }
}
