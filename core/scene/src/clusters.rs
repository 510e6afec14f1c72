//! Clusters of a field: a centroid, a name and a colour each. Clusters of one name are one class. Written and read as one
//! checked JSON document. Knows vectors and classes; knows nothing of how clusters are found or drawn.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::json_document::JsonDocument;
use crate::kmeans::nearest;
use crate::{Class, FIELD_AXES, KMeans, SceneError, SceneResult, class_color};

const DOCUMENT: JsonDocument = JsonDocument {
    format: "terroir-clusters",
    schema: 1,
    largest_bytes: 16 << 20,
    name: "the file of clusters",
    is_other: "this is no file of clusters",
    holds_other: "this JSON file holds no clusters",
    choose: "choose the one written beside a map of clusters",
};
/// Colours of the house before they repeat.
const HOUSE_COLORS: usize = 16;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    pub name: String,
    pub color: [u8; 3],
    /// Of the pixels the clusters were found on.
    pub share: f64,
    /// 64 numbers of unit length.
    pub centroid: Vec<f32>,
}

/// A pixel belongs to the cluster whose centroid has the largest dot product with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Clusters {
    pub clusters: Vec<Cluster>,
    /// Which field they were found on and how.
    #[serde(default)]
    pub provenance: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct ClusterFile {
    format: String,
    schema: u32,
    #[serde(flatten)]
    clusters: Clusters,
}

impl Clusters {
    /// Named `Cluster 1`, `Cluster 2` ..., in the colours of classes.
    pub fn new(found: &KMeans) -> Self {
        let total = found.counts.iter().sum::<usize>().max(1) as f64;
        let clusters = found.centroids.iter().zip(&found.counts).enumerate();
        Self {
            clusters: clusters
                .map(|(index, (centroid, count))| Cluster {
                    name: format!("Cluster {}", index + 1),
                    color: cluster_color(index),
                    share: *count as f64 / total,
                    centroid: centroid.to_vec(),
                })
                .collect(),
            provenance: serde_json::Map::new(),
        }
    }

    /// The cluster of a unit vector, the first of equals; 0 where there are none.
    pub fn nearest(centroids: &[[f32; FIELD_AXES]], unit: &[f32; FIELD_AXES]) -> usize {
        nearest(centroids, unit).0
    }

    /// The centroids as the maths takes them.
    pub fn centroids(&self) -> Vec<[f32; FIELD_AXES]> {
        self.clusters
            .iter()
            .map(|cluster| {
                std::array::from_fn(|axis| cluster.centroid.get(axis).copied().unwrap_or(0.0))
            })
            .collect()
    }

    /// Gives a cluster (from 0) a name. Where another cluster has it already, the two are one class and of one colour; a
    /// cluster that leaves such a class gets a colour of its own again. Empty names change nothing.
    pub fn rename(&mut self, index: usize, name: &str) {
        let name = name.trim();
        let Some(old) = self.clusters.get(index) else {
            return;
        };
        if name.is_empty() || old.name == name {
            return;
        }
        let shared = self
            .clusters
            .iter()
            .enumerate()
            .any(|(at, other)| at != index && other.name == old.name);
        let joins = self
            .clusters
            .iter()
            .find(|other| other.name == name)
            .map(|other| other.color);
        let color = joins.unwrap_or(if shared {
            cluster_color(index)
        } else {
            old.color
        });
        if let Some(cluster) = self.clusters.get_mut(index) {
            cluster.name = name.to_owned();
            cluster.color = color;
        }
    }

    /// Gives the class a cluster (from 0) belongs to another colour.
    pub fn recolor(&mut self, index: usize, color: [u8; 3]) {
        let Some(name) = self.clusters.get(index).map(|cluster| cluster.name.clone()) else {
            return;
        };
        self.clusters
            .iter_mut()
            .filter(|cluster| cluster.name == name)
            .for_each(|cluster| cluster.color = color);
    }

    /// The classes that the names make, numbered from 1 in the order of their first clusters, and the number of each cluster's.
    pub fn classes(&self) -> (Vec<Class>, Vec<u8>) {
        let mut classes: Vec<Class> = Vec::new();
        let mut of_cluster = Vec::new();
        for cluster in &self.clusters {
            let known = classes.iter().find(|class| class.name == cluster.name);
            let id = match known {
                Some(class) => class.id,
                None => {
                    let id = u8::try_from(classes.len() + 1).unwrap_or(u8::MAX);
                    classes.push(Class {
                        id,
                        name: cluster.name.clone(),
                        color: cluster.color,
                    });
                    id
                }
            };
            of_cluster.push(id);
        }
        (classes, of_cluster)
    }

    /// Writes beside `path`, then renames.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        self.check().map_err(|what| {
            SceneError::write(path, format!("the clusters are not written: {what}"))
        })?;
        let file = ClusterFile {
            format: DOCUMENT.format.to_owned(),
            schema: DOCUMENT.schema,
            clusters: self.clone(),
        };
        DOCUMENT.write(path, &file, false)
    }

    /// Reads and checks a file of clusters. Another kind of file, a newer version and damaged numbers are errors.
    pub fn load(path: &Path) -> SceneResult<Self> {
        let value = DOCUMENT.read(path)?;
        let other = |what: &str| SceneError::file(path, what);
        let damaged = "this file of clusters is damaged; find the clusters again";
        let file: ClusterFile =
            serde_json::from_value(value).map_err(|error| other(damaged).with_details(error))?;
        file.clusters
            .check()
            .map_err(|what| other(damaged).with_details(what))?;
        Ok(file.clusters)
    }

    /// What is wrong, if anything.
    fn check(&self) -> Result<(), String> {
        if self.clusters.is_empty() || self.clusters.len() > 255 {
            return Err(format!(
                "there are {} clusters, and a map holds 1 to 255",
                self.clusters.len()
            ));
        }
        for (index, cluster) in self.clusters.iter().enumerate() {
            let squares: f64 = cluster
                .centroid
                .iter()
                .map(|value| f64::from(*value).powi(2))
                .sum();
            if cluster.centroid.len() != FIELD_AXES
                || squares.is_nan()
                || (squares - 1.0).abs() > 0.01
            {
                return Err(format!(
                    "cluster {} has no centroid of {FIELD_AXES} numbers and unit length",
                    index + 1
                ));
            }
            if cluster.name.trim().is_empty() {
                return Err(format!("cluster {} has no name", index + 1));
            }
        }
        Ok(())
    }
}

/// The sixteen class colours, then the same lighter, so that 30 clusters differ.
fn cluster_color(index: usize) -> [u8; 3] {
    let color = class_color(u8::try_from(index % HOUSE_COLORS + 1).unwrap_or(1));
    if index < HOUSE_COLORS {
        return color;
    }
    // Half way to white, or to black for what is light already.
    let light = color.iter().map(|part| u32::from(*part)).sum::<u32>() > 480;
    let towards: u16 = if light { 0 } else { 255 };
    color.map(|part| ((u16::from(part) + towards) / 2) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters(count: usize) -> Clusters {
        let mut centroids = vec![[0.0f32; FIELD_AXES]; count];
        for (axis, centroid) in centroids.iter_mut().enumerate() {
            centroid[axis] = 1.0;
        }
        Clusters::new(&KMeans {
            centroids,
            assigned: Vec::new(),
            counts: (1..=count).rev().collect(),
            rounds: 1,
            objective: 0.0,
        })
    }

    #[test]
    fn clusters_of_one_name_are_one_class() {
        let mut four = clusters(4);
        let own = four.clusters[2].color;
        four.rename(0, "Water");
        four.rename(2, " Water ");
        assert_eq!(four.clusters[2].color, four.clusters[0].color);
        let (classes, of_cluster) = four.classes();
        let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
        assert_eq!(names, ["Water", "Cluster 2", "Cluster 4"]);
        assert_eq!(of_cluster, [1, 2, 1, 3]);
        four.recolor(2, [1, 2, 3]);
        assert_eq!(four.clusters[0].color, [1, 2, 3]);
        // Leaving the class gives the colour back; the name of nobody else keeps it.
        four.rename(2, "Forest");
        assert_eq!(four.clusters[2].color, own);
        four.rename(0, "Lake");
        assert_eq!(four.clusters[0].color, [1, 2, 3]);
        four.rename(1, "  ");
        assert_eq!(four.clusters[1].name, "Cluster 2");
    }

    #[test]
    fn thirty_clusters_have_thirty_colours() {
        let thirty = clusters(30);
        let mut colors: Vec<[u8; 3]> = thirty.clusters.iter().map(|c| c.color).collect();
        colors.sort_unstable();
        colors.dedup();
        assert_eq!(colors.len(), 30);
    }

    #[test]
    fn files_come_back_and_damage_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clusters.json");
        let three = clusters(3);
        three.save(&path).unwrap();
        assert_eq!(Clusters::load(&path).unwrap(), three);
        let text = std::fs::read_to_string(&path).unwrap();
        let loaded = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Clusters::load(&path).unwrap_err().to_string()
        };
        assert!(loaded(&text[..text.len() / 2]).contains("complete JSON"));
        assert!(loaded(r#"{"format":"terroir-head"}"#).contains("no clusters"));
        assert!(loaded(&text.replace("\"schema\": 1", "\"schema\": 7")).contains("newer"));
        assert!(loaded(&text.replace("1.0,", "0.5,")).contains("damaged"));
        assert!(Clusters::default().save(&path).is_err());
    }
}
