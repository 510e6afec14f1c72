//! Files that name servers: every way a format of GDAL knows to reach out, in files as anybody may send them, with an ear on
//! this machine that hears every connection. Opening, reading, drawing and importing them connects nothing.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use terroir_scene::{
    Document, Layer, LayerId, LayerSource, Raster, Resampling, contained_blocking,
    find_series_blocking, open_project, read_class_table_blocking, read_vector_blocking,
    save_project, vector_tables,
};

use crate::program::{files_in, run, sample};

/// Counts connections of any protocol, and hangs up at once.
struct Ear {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Ear {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(AtomicUsize::new(0));
        let count = heard.clone();
        std::thread::Builder::new()
            .name("test ear".to_owned())
            .spawn(move || {
                for visitor in listener.incoming() {
                    if visitor.is_ok() {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
            .unwrap();
        Self { port, heard }
    }

    /// Connections so far. A connection reaches its queue before `connect` returns; the thread needs a moment to count it.
    fn heard(&self) -> usize {
        std::thread::sleep(Duration::from_millis(20));
        self.heard.load(Ordering::SeqCst)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A virtual raster of one band that lies at `source`.
fn virtual_raster(source: &str) -> String {
    format!(
        r#"<VRTDataset rasterXSize="10" rasterYSize="10"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
        <SourceFilename>{}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"#,
        escaped(source)
    )
}

/// A virtual layer of the shapes at `source`.
fn virtual_layer(source: &str) -> String {
    format!(
        r#"<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"#,
        escaped(source)
    )
}

fn map_service(server: &str) -> String {
    format!(
        r#"<GDAL_WMS><Service name="TMS"><ServerUrl>{server}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service><DataWindow>
        <UpperLeftX>-20037508</UpperLeftX><UpperLeftY>20037508</UpperLeftY><LowerRightX>20037508</LowerRightX>
        <LowerRightY>-20037508</LowerRightY><TileLevel>2</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>
        <YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection><BlockSizeX>256</BlockSizeX>
        <BlockSizeY>256</BlockSizeY><BandsCount>3</BandsCount></GDAL_WMS>"#
    )
}

fn tile_capabilities(server: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"
        version="1.0.0"><Contents><Layer><ows:Identifier>l</ows:Identifier><Style isDefault="true"><ows:Identifier>s</ows:Identifier>
        </Style><Format>image/png</Format><TileMatrixSetLink><TileMatrixSet>m</TileMatrixSet></TileMatrixSetLink>
        <ResourceURL format="image/png" resourceType="tile" template="{server}/{{TileMatrix}}/{{TileRow}}/{{TileCol}}.png"/></Layer>
        <TileMatrixSet><ows:Identifier>m</ows:Identifier><ows:SupportedCRS>EPSG:3857</ows:SupportedCRS><TileMatrix>
        <ows:Identifier>0</ows:Identifier><ScaleDenominator>559082264</ScaleDenominator>
        <TopLeftCorner>-20037508 20037508</TopLeftCorner><TileWidth>256</TileWidth><TileHeight>256</TileHeight>
        <MatrixWidth>1</MatrixWidth><MatrixHeight>1</MatrixHeight></TileMatrix></TileMatrixSet></Contents></Capabilities>"#
    )
}

/// Name and content of every trap.
fn traps(port: u16) -> Vec<(&'static str, String)> {
    let server = format!("http://127.0.0.1:{port}");
    let coverage = format!(
        "<WCS_GDAL><ServiceURL>{server}/wcs?</ServiceURL><Version>1.0.0</Version><CoverageName>x</CoverageName></WCS_GDAL>"
    );
    let tiles =
        format!("<GDAL_WMTS><GetCapabilitiesUrl>{server}/c.xml</GetCapabilitiesUrl></GDAL_WMTS>");
    let maps = map_service(&server);
    let cache = format!(
        r#"<MRF_META><CachedSource><Source>{server}/a.tif</Source></CachedSource><Raster><Size x="512" y="512" c="3"/>
        <PageSize x="256" y="256" c="3"/><Compression>PNG</Compression></Raster><Rsets model="uniform"/></MRF_META>"#
    );
    let doctype = |root: &str, rest: &str| {
        format!(r#"<?xml version="1.0"?><!DOCTYPE {root} SYSTEM "{server}/evil.dtd">{rest}"#)
    };
    let point = r#"<gml:featureMember><a:b fid="1"><a:g><gml:Point><gml:coordinates>1,2</gml:coordinates></gml:Point></a:g></a:b></gml:featureMember>"#;
    let item = format!(
        r#"{{"type":"Feature","stac_version":"1.0.0","stac_extensions":["https://stac-extensions.github.io/projection/v1.0.0/schema.json"],
        "id":"a","collection":"c","properties":{{"datetime":"2021-01-01T00:00:00Z","proj:epsg":32631}},
        "geometry":{{"type":"Point","coordinates":[1,2]}},"links":[{{"rel":"self","href":"{server}/item.json"}}],
        "assets":{{"red":{{"href":"{server}/a.tif","type":"image/tiff; application=geotiff","proj:transform":[10,0,0,0,-10,0],
        "proj:shape":[10,10],"proj:epsg":32631}}}}}}"#
    );
    let feature = r#"{"type":"Feature","properties":{"class":1},"geometry":{"type":"Point","coordinates":[1,2]}}"#;
    vec![
        (
            "curl.vrt",
            virtual_raster(&format!("/vsicurl/{server}/a.tif")),
        ),
        (
            "zipped.vrt",
            virtual_raster(&format!("/vsizip//vsicurl/{server}/a.zip/a.tif")),
        ),
        (
            "plain_address.vrt",
            virtual_raster(&format!("{server}/a.tif")),
        ),
        (
            "virtual_name.vrt",
            virtual_raster(&format!("vrt://{server}/a.tif")),
        ),
        ("map_service.xml", maps.clone()),
        ("map_service_inside.vrt", virtual_raster(&maps)),
        (
            "map_service_name.vrt",
            virtual_raster(&format!(
                "WMS:{server}/?service=WMS&request=GetMap&version=1.1.1&layers=x&srs=EPSG:4326&bbox=-180,-90,180,90"
            )),
        ),
        ("coverage.xml", coverage.clone()),
        ("coverage_inside.vrt", virtual_raster(&coverage)),
        ("tiles.xml", tiles),
        ("tile_capabilities.xml", tile_capabilities(&server)),
        (
            "tile_name.vrt",
            virtual_raster(&format!("WMTS:{server}/c.xml")),
        ),
        (
            "tile_catalogue.vrt",
            virtual_raster(&format!("STACTA:\"{server}/a.json\"")),
        ),
        (
            "store.vrt",
            virtual_raster(&format!("ZARR:\"/vsicurl/{server}/a.zarr\"")),
        ),
        (
            "database.vrt",
            virtual_raster(&format!(
                "PG:host='127.0.0.1' port='{port}' dbname='x' schema='a' table='b'"
            )),
        ),
        ("cache.mrf", cache.clone()),
        (
            "streaming.vrt",
            virtual_raster(&format!("/vsicurl_streaming/{server}/a.tif")),
        ),
        ("cache_inside.vrt", virtual_raster(&cache)),
        (
            "crs.vrt",
            format!(
                r#"<VRTDataset rasterXSize="10" rasterYSize="10"><SRS>{server}/a.prj</SRS><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>"#
            ),
        ),
        (
            "features.xml",
            format!("<OGRWFSDataSource><URL>{server}/wfs</URL></OGRWFSDataSource>"),
        ),
        (
            "schema.gml",
            format!(
                r#"<?xml version="1.0"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" xmlns:gml="http://www.opengis.net/gml"
                xmlns:a="http://a" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
                xsi:schemaLocation="http://a {server}/wfs?SERVICE=WFS&amp;VERSION=1.0.0&amp;REQUEST=DescribeFeatureType&amp;TYPENAME=a:b">{point}</wfs:FeatureCollection>"#
            ),
        ),
        (
            "linked.gml",
            format!(
                r#"<?xml version="1.0"?><a:FC xmlns:a="http://a" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:gml="http://www.opengis.net/gml">
                <gml:featureMember><a:b fid="1"><a:g xlink:href="{server}/x.gml#p"/></a:b></gml:featureMember>{point}</a:FC>"#
            ),
        ),
        (
            "doctype.gml",
            doctype(
                "a",
                &format!(
                    r#"<a:FC xmlns:a="http://a" xmlns:gml="http://www.opengis.net/gml">{point}</a:FC>"#
                ),
            ),
        ),
        (
            "doctype.gpx",
            doctype(
                "gpx",
                r#"<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><wpt lat="1" lon="2"/></gpx>"#,
            ),
        ),
        (
            "doctype.xtf",
            doctype(
                "x",
                r#"<TRANSFER xmlns="http://www.interlis.ch/INTERLIS2.3"><HEADERSECTION/></TRANSFER>"#,
            ),
        ),
        (
            "doctype.xml",
            doctype(
                "AX_Bestandsdatenauszug",
                r#"<AX_Bestandsdatenauszug xmlns="http://www.adv-online.de/namespaces/adv/gid/6.0"
                xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:xsi="x" xsi:schemaLocation="NAS-Operationen.xsd aaa.xsd"><enthaelt/></AX_Bestandsdatenauszug>"#,
            ),
        ),
        (
            "links.kml",
            format!(
                r#"<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><NetworkLink><Link><href>{server}/a.kml</href></Link></NetworkLink>
                <GroundOverlay><Icon><href>{server}/a.png</href></Icon><LatLonBox><north>1</north><south>0</south><east>1</east><west>0</west></LatLonBox></GroundOverlay></Document></kml>"#
            ),
        ),
        (
            "crs.geojson",
            format!(
                r#"{{"type":"FeatureCollection","crs":{{"type":"link","properties":{{"href":"{server}/crs","type":"proj4"}}}},"features":[{feature}]}}"#
            ),
        ),
        (
            "next_page.geojson",
            format!(
                r#"{{"type":"FeatureCollection","links":[{{"rel":"next","href":"{server}/p2"}}],"exceededTransferLimit":true,"features":[{feature}]}}"#
            ),
        ),
        (
            "collections.json",
            format!(
                r#"{{"links":[{{"rel":"data","href":"{server}/collections"}}],"collections":[{{"id":"a","links":[{{"rel":"items","href":"{server}/i","type":"application/geo+json"}}]}}]}}"#
            ),
        ),
        ("item.json", item.clone()),
        (
            "items.json",
            format!(r#"{{"type":"FeatureCollection","stac_version":"1.0.0","features":[{item}]}}"#),
        ),
        (
            "shapes_at_address.vrt",
            virtual_layer(&format!("{server}/a.geojson")),
        ),
        (
            "shapes_curl.vrt",
            virtual_layer(&format!("/vsicurl/{server}/a.geojson")),
        ),
        (
            "shapes_wfs.vrt",
            virtual_layer(&format!("WFS:{server}/wfs")),
        ),
        ("shapes_api.vrt", virtual_layer(&format!("OAPIF:{server}"))),
        ("shapes_search.vrt", virtual_layer(&format!("ES:{server}"))),
        (
            "shapes_catalogue.vrt",
            virtual_layer(&format!("CSW:{server}")),
        ),
        (
            "shapes_database.vrt",
            virtual_layer(&format!(
                "PG:host=127.0.0.1 port={port} dbname=x connect_timeout=2"
            )),
        ),
        (
            "shapes_other_database.vrt",
            virtual_layer(&format!("MYSQL:x,host=127.0.0.1,port={port},user=a")),
        ),
        (
            "shapes_schema.vrt",
            virtual_layer(&format!("GMLAS:{server}/a.gml")),
        ),
    ]
}

/// Everything the program does with a file somebody sent, whatever comes of it.
fn open_in_every_way(path: &Path) {
    if let Ok(raster) = Raster::open(path) {
        let bands: Vec<usize> = (0..raster.info().bands.len()).collect();
        let window = raster.info().grid.window();
        raster
            .read_blocking(&bands, window, 8, 8, Resampling::Nearest)
            .ok();
        raster
            .read_blocking(&bands, window, 8, 8, Resampling::Average)
            .ok();
    }
    contained_blocking(path).ok();
    vector_tables(path).ok();
    read_vector_blocking(path, None, &Default::default()).ok();
    read_class_table_blocking(path).ok();
    find_series_blocking(&[path.to_owned()]);
}

fn layer(source: LayerSource) -> Layer {
    Layer {
        id: LayerId(0),
        name: "trap".to_owned(),
        source,
        style: None,
        visible: true,
        opacity: 1.0,
        blend: terroir_scene::Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    }
}

#[test]
fn no_file_makes_a_connection() {
    let ear = Ear::open();
    let folder = tempfile::tempdir().unwrap();
    let mut document = Document::default();
    let mut reached_out = Vec::new();
    let mut before = 0;
    for (name, content) in traps(ear.port) {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        open_in_every_way(&path);
        document.add_layer(layer(LayerSource::Raster { path, info: None }));
        let heard = ear.heard();
        if heard > before {
            reached_out.push(name);
        }
        before = heard;
    }
    assert_eq!(reached_out, Vec::<&str>::new(), "these connected");

    // A project of all of them, and of names that are no files at all.
    let server = format!("127.0.0.1:{}", ear.port);
    for name in [
        format!("http://{server}/a.tif"),
        format!("/vsicurl/http://{server}/a.tif"),
        format!("/vsizip//vsicurl/http://{server}/a.zip/a.tif"),
        format!("WMS:http://{server}/?layers=x"),
        format!("WMTS:http://{server}/c.xml"),
        format!("vrt:///vsicurl/http://{server}/a.tif"),
        format!("PG:host=127.0.0.1 port={} dbname=x", ear.port),
        map_service(&format!("http://{server}")),
        virtual_raster(&format!("/vsicurl/http://{server}/a.tif")),
    ] {
        let path = std::path::PathBuf::from(name);
        document.add_layer(layer(LayerSource::Raster { path, info: None }));
    }
    let project = folder.path().join("trap.terroir");
    save_project(&document, &project).unwrap();
    let opened = open_project(&project).unwrap();
    assert_eq!(opened.document.layers.len(), document.layers.len());
    assert_eq!(ear.heard(), 0, "opening the project connected");
}

/// The same in a process of its own, where this machine's settings for proxies are as they are, and pixels are drawn.
#[test]
fn the_program_draws_no_picture_from_a_server() {
    let ear = Ear::open();
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for (name, content) in traps(ear.port).into_iter().filter(|(name, _)| {
        ["map_service.xml", "tile_capabilities.xml", "crs.geojson"].contains(name)
    }) {
        std::fs::write(here.join(name), content).unwrap();
        run(here, &["info", name]);
        run(here, &["render", name, "--out", "picture.png"]);
        assert_eq!(ear.heard(), 0, "{name} connected");
    }
}

/// With the network on, the ear does hear: the traps are no blanks.
#[test]
fn the_traps_would_connect_if_the_network_were_on() {
    let ear = Ear::open();
    let folder = tempfile::tempdir().unwrap();
    let name = "map_service.xml";
    std::fs::write(
        folder.path().join(name),
        map_service(&format!("http://127.0.0.1:{}", ear.port)),
    )
    .unwrap();
    let mut program =
        crate::program::command(folder.path(), &["render", name, "--out", "picture.png"]);
    let drawn = program
        .env("TERROIR_NETWORK", "1")
        .env("GDAL_HTTP_MAX_RETRY", "0")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&drawn.stderr);
    if words.contains("no raster that GDAL knows") {
        eprintln!("SKIPPED the traps' own proof: this GDAL has no map services");
        return;
    }
    assert!(ear.heard() > 0, "{words}");
}

/// A raster that would keep the tiles of another one in a file called as it likes.
#[test]
fn opening_a_file_writes_none() {
    let folder = tempfile::tempdir().unwrap();
    let source = sample().join("S2_2021-07-28.tif");
    let cache = format!(
        r#"<MRF_META><CachedSource><Source>{}</Source></CachedSource><Raster><Size x="152" y="135" c="1"/>
        <PageSize x="128" y="128" c="1"/><DataFile>kept.bin</DataFile></Raster></MRF_META>"#,
        escaped(&source.to_string_lossy())
    );
    let path = folder.path().join("cache.mrf");
    std::fs::write(&path, cache).unwrap();
    open_in_every_way(&path);
    assert_eq!(files_in(folder.path()), ["cache.mrf"]);
}

#[test]
fn no_file_runs_code_or_shows_bytes_of_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let mark = folder.path().join("mark");
    let python = inside.join("python.vrt");
    std::fs::write(
        &python,
        format!(
            r#"<VRTDataset rasterXSize="4" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1" subClass="VRTDerivedRasterBand">
            <PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode><![CDATA[
open({:?}, "w").write("x")
def f(*a, **k):
    pass
]]></PixelFunctionCode></VRTRasterBand></VRTDataset>"#,
            mark.to_string_lossy()
        ),
    )
    .unwrap();
    open_in_every_way(&python);
    assert!(!mark.exists(), "a virtual raster ran its code");

    let raw = |name: &str, relative: u8, source: &str| {
        let path = inside.join(name);
        std::fs::write(
            &path,
            format!(
                r#"<VRTDataset rasterXSize="4" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
                <SourceFilename relativeToVRT="{relative}">{source}</SourceFilename><ImageOffset>0</ImageOffset>
                <PixelOffset>1</PixelOffset><LineOffset>4</LineOffset></VRTRasterBand></VRTDataset>"#
            ),
        )
        .unwrap();
        path
    };
    let secret = folder.path().join("secret.txt");
    std::fs::write(&secret, "key=1234").unwrap();
    std::fs::write(inside.join("own.raw"), [1, 2, 3, 4]).unwrap();
    let read = |path: &Path| {
        let raster = Raster::open(path)?;
        let window = raster.info().grid.window();
        raster.read_blocking(&[0], window, 4, 1, Resampling::Nearest)
    };
    let own = read(&raw("own.vrt", 1, "own.raw")).unwrap();
    assert_eq!(own.values, [1.0, 2.0, 3.0, 4.0]);
    for (name, relative, source) in [
        ("absolute.vrt", 0, secret.to_string_lossy().into_owned()),
        ("above.vrt", 1, "../secret.txt".to_owned()),
        ("around.vrt", 1, "../inside/../secret.txt".to_owned()),
    ] {
        let path = raw(name, relative, &source);
        let error = read(&path).err().map(|error| error.to_string());
        assert!(
            error
                .as_deref()
                .is_some_and(|words| words.contains("outside")),
            "{name}: {error:?}"
        );
    }
}
