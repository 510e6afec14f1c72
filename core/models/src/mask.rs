//! Which patches of a batch are hidden, from given noise (specification 4.1).
//! Knows counts and ranks. Knows no tensors.

/// Hidden and visible patches of a batch of images, the same number in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    patches: usize,
    visible: usize,
    /// For each image, patch numbers by rising noise: the first `visible` stay.
    order: Vec<usize>,
    /// For each image and patch, its place in that order.
    rank: Vec<usize>,
}

impl Mask {
    /// `noise`: images by patches, any numbers; of each image the patches with the least noise stay visible,
    /// floor(patches * (1 - ratio)) of them, but at least one stays and at least one is hidden.
    pub fn from_noise(noise: &[f32], patches: usize, ratio: f64) -> Self {
        let visible = (patches as f64 * (1.0 - ratio)) as usize;
        let visible = visible.clamp(1, patches.saturating_sub(1).max(1));
        let mut order = Vec::with_capacity(noise.len());
        let mut rank = vec![0; noise.len()];
        for (image, noise) in noise.chunks_exact(patches.max(1)).enumerate() {
            let mut of_image: Vec<usize> = (0..patches).collect();
            of_image.sort_by(|a, b| noise[*a].total_cmp(&noise[*b]));
            for (place, patch) in of_image.iter().enumerate() {
                rank[image * patches + patch] = place;
            }
            order.extend(of_image);
        }
        Self {
            patches,
            visible,
            order,
            rank,
        }
    }

    /// Patches of an image.
    pub fn patches(&self) -> usize {
        self.patches
    }

    /// Visible patches of an image.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// Hidden patches of all images together.
    pub fn hidden_count(&self) -> usize {
        self.rank
            .iter()
            .filter(|rank| **rank >= self.visible)
            .count()
    }

    /// Place of each patch in the order of its image.
    pub fn rank(&self) -> &[usize] {
        &self.rank
    }

    /// 1 for hidden, 0 for visible: images by patches.
    pub fn hidden_values(&self) -> Vec<f32> {
        self.rank
            .iter()
            .map(|rank| f32::from(u8::from(*rank >= self.visible)))
            .collect()
    }

    /// Rows of a [B * (1 + N)] table of tokens with the class token first: class token and visible patches of each image.
    pub(crate) fn visible_rows(&self) -> Vec<i32> {
        let stride = self.patches + 1;
        self.order
            .chunks_exact(self.patches.max(1))
            .enumerate()
            .flat_map(|(image, order)| {
                let start = image * stride;
                let kept = order
                    .iter()
                    .take(self.visible)
                    .map(move |at| start + 1 + at);
                std::iter::once(start).chain(kept).map(|row| row as i32)
            })
            .collect()
    }

    /// Rows of a [B * (1 + V) + 1] table of decoded tokens, whose last row is the mask token, that give class token and all
    /// patches of each image in their order.
    pub(crate) fn restored_rows(&self) -> Vec<i32> {
        let stride = self.visible + 1;
        let images = self.rank.len() / self.patches.max(1);
        let mask_token = images * stride;
        self.rank
            .chunks_exact(self.patches.max(1))
            .enumerate()
            .flat_map(|(image, rank)| {
                let start = image * stride;
                let row = move |rank: &usize| match *rank < self.visible {
                    true => start + 1 + rank,
                    false => mask_token,
                };
                std::iter::once(start)
                    .chain(rank.iter().map(row))
                    .map(|row| row as i32)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_noise_stays_and_everything_comes_back_in_order() {
        let noise = [0.9, 0.1, 0.5, 0.3, 0.2, 0.8, 0.4, 0.6];
        let mask = Mask::from_noise(&noise, 4, 0.5);
        assert_eq!((mask.visible(), mask.hidden_count()), (2, 4));
        assert_eq!(mask.visible_rows(), [0, 2, 4, 5, 6, 8]);
        assert_eq!(
            mask.hidden_values(),
            [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]
        );
        // Mask token: row 6. Image 0 kept patches 1, 3 as rows 1, 2; image 1 kept 0, 2 as rows 4, 5.
        assert_eq!(mask.restored_rows(), [0, 6, 1, 6, 2, 3, 4, 6, 5, 6]);
    }

    #[test]
    fn something_is_always_hidden_and_something_seen() {
        for ratio in [0.0, 0.01, 0.99, 1.0] {
            let mask = Mask::from_noise(&[0.1, 0.2, 0.3], 3, ratio);
            assert!(mask.visible() >= 1 && mask.hidden_count() >= 1, "{ratio}");
        }
        assert_eq!(Mask::from_noise(&vec![0.5; 196], 196, 0.75).visible(), 49);
    }
}
