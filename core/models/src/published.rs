//! Weights files others publish: name, size, hash, licence, and which repository of the model hub has them.
//! A table and nothing else: opens no file and no connection.

/// A published file. What its publisher does not tell is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// The model it is for, as [`crate::CATALOGUE`] has it.
    pub model: &'static str,
    pub file: &'static str,
    /// Repository of the model hub.
    pub repository: &'static str,
    /// Branch or commit of the repository.
    pub revision: &'static str,
    /// Exact size, bytes.
    pub bytes: Option<u64>,
    /// Size to tell the user before, bytes; worked out from the tensors where the exact one is not known.
    pub about_bytes: u64,
    /// SHA-256 in hexadecimal, or its first eight digits.
    pub sha256: Option<&'static str>,
    pub licence: &'static str,
    /// What the user should know, empty if nothing.
    pub note: &'static str,
}

impl PublishedFile {
    /// Whether a whole SHA-256 is this file's; `None` where no hash is known.
    pub fn is_hash_of(&self, sha256: &str) -> Option<bool> {
        self.sha256.map(|known| sha256.starts_with(known))
    }
}

const AUTHORS: &str = "earthflow/DOFA";
const COPIES: &str = "torchgeo/dofa";
const COPIES_REVISION: &str = "b8db318b64a90b9e085ec04ba8851233c5893666";
const LICENCE: &str = "CC-BY-4.0";

/// The first file of a model is the one fetched by the model's name.
pub const PUBLISHED: [PublishedFile; 6] = [
    PublishedFile {
        model: "dofa-base",
        file: "DOFA_ViT_base_e100.pth",
        repository: AUTHORS,
        revision: "main",
        bytes: Some(447_669_164),
        about_bytes: 447_669_164,
        sha256: Some("4720985e42b918ac0307009eb06121a3435d9bbce6fd95446f84824a538165b1"),
        licence: LICENCE,
        note: "",
    },
    PublishedFile {
        model: "dofa-large",
        file: "DOFA_ViT_large_e100.pth",
        repository: AUTHORS,
        revision: "main",
        bytes: None,
        about_bytes: 1_352_700_000,
        sha256: Some("ea9910bc026268ca36c30b76fd1169aeaca9ea51af5eaff840a20f150ea03d49"),
        licence: LICENCE,
        note: "",
    },
    PublishedFile {
        model: "dofa-v2-base",
        file: "dofav2_vit_base_e150.pth",
        repository: AUTHORS,
        revision: "main",
        bytes: None,
        about_bytes: 421_800_000,
        sha256: Some("e1be9d50fb3e4e3640e337d098b92d67797eaf2a579de3b7a1e363095885314d"),
        licence: LICENCE,
        note: "its hash was noted by a third party, not by the publisher",
    },
    PublishedFile {
        model: "dofa-v2-large",
        file: "dofav2_vit_large_e150.pth",
        repository: AUTHORS,
        revision: "main",
        bytes: None,
        about_bytes: 1_317_200_000,
        sha256: None,
        licence: LICENCE,
        note: "no hash of it is published; it is checked against the hash its server names, if any, and by its tensors",
    },
    PublishedFile {
        model: "dofa-base",
        file: "dofa_base_patch16_224-a0275954.pth",
        repository: COPIES,
        revision: COPIES_REVISION,
        bytes: None,
        about_bytes: 445_300_000,
        sha256: Some("a0275954"),
        licence: LICENCE,
        note: "a copy without what only training needs",
    },
    PublishedFile {
        model: "dofa-large",
        file: "dofa_large_patch16_224-0ff904d3.pth",
        repository: COPIES,
        revision: COPIES_REVISION,
        bytes: None,
        about_bytes: 1_348_500_000,
        sha256: Some("0ff904d3"),
        licence: LICENCE,
        note: "a copy without what only training needs",
    },
];

/// The published file of a model's name (the authors' own) or of a file's name.
pub fn published_file(name: &str) -> Option<&'static PublishedFile> {
    PUBLISHED
        .iter()
        .find(|file| file.model == name || file.file == name)
}

/// The published file with this hash.
pub fn published_with_hash(sha256: &str) -> Option<&'static PublishedFile> {
    PUBLISHED
        .iter()
        .find(|file| file.is_hash_of(sha256) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DofaConfig;

    #[test]
    fn sizes_fit_the_models() {
        for file in PUBLISHED {
            let config = DofaConfig::by_name(file.model).unwrap();
            let floats = 4 * config.parameter_count() as u64;
            // Mask token, projector and the archive's own bytes come on top.
            let most = floats + 4 * (config.width * config.width + 100_000) as u64;
            assert!(
                (floats - 10_000..most).contains(&file.about_bytes),
                "{}: {} of {floats}",
                file.file,
                file.about_bytes
            );
            assert!(file.bytes.is_none_or(|bytes| bytes == file.about_bytes));
        }
    }

    #[test]
    fn files_are_found_by_model_name_and_hash() {
        assert_eq!(
            published_file("dofa-base").unwrap().file,
            "DOFA_ViT_base_e100.pth"
        );
        let copy = published_file("dofa_base_patch16_224-a0275954.pth").unwrap();
        assert_eq!(copy.repository, "torchgeo/dofa");
        assert_eq!(
            published_with_hash(&format!("a0275954{}", "0".repeat(56))),
            Some(copy)
        );
        assert_eq!(published_with_hash(&"0".repeat(64)), None);
        assert_eq!(published_file("dofa-tiny"), None);
    }
}
