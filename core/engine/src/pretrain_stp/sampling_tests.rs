//! Rows as they are drawn, many times.

use super::*;

fn chance(name: &str) -> Stream {
    Stream::new(5, name)
}

fn times(days: Vec<f64>, is_main: bool) -> SourceTimes {
    SourceTimes {
        days,
        is_input: true,
        is_target: true,
        is_static: false,
        is_main,
    }
}

/// Every five days over 16 months, every six, every sixteen.
fn three() -> Vec<SourceTimes> {
    let every = |step: f64, count: usize| (0..count).map(|at| 210.0 + step * at as f64).collect();
    vec![
        times(every(5.0, 97), true),
        times(every(6.0, 81), false),
        times(every(16.0, 30), false),
    ]
}

#[test]
fn rows_see_a_year_and_never_what_they_are_to_find() {
    let sources = three();
    let mut chance = chance("rows");
    let mut starts = Vec::new();
    for _ in 0..300 {
        let row = RowPlan::draw(&sources, 24, &mut chance).unwrap();
        assert!((row.support.1 - row.support.0 - 365.25).abs() < 1e-9);
        starts.push(row.support.0);
        let counts: Vec<usize> = row.inputs.iter().map(Vec::len).collect();
        assert_eq!(counts, [12, 6, 6]);
        for (at, source) in sources.iter().enumerate() {
            let target = row.targets[at].as_ref().unwrap();
            assert!(!row.inputs[at].contains(&target.frame));
            assert!(row.inputs[at].windows(2).all(|pair| pair[0] < pair[1]));
            for frame in row.inputs[at].iter().chain([&target.frame]) {
                let day = source.days[*frame];
                assert!(day >= row.support.0 && day < row.support.1);
            }
        }
    }
    let spread = starts.iter().copied().fold(f64::MIN, f64::max)
        - starts.iter().copied().fold(f64::MAX, f64::min);
    assert!(spread > 60.0, "{spread}");
}

#[test]
fn periods_hold_their_targets_and_are_longer_than_four_days() {
    let sources = three();
    let mut chance = chance("periods");
    let (mut short, mut long, mut early) = (0, 0, 0);
    for _ in 0..300 {
        let row = RowPlan::draw(&sources, 24, &mut chance).unwrap();
        for (target, source) in row.targets.iter().zip(&sources) {
            let target = target.as_ref().unwrap();
            let (from, to) = target.period;
            let day = source.days[target.frame];
            assert!(to - from > 4.0 && to - from <= 365.25 + 1e-9);
            assert!(day >= from && day < to);
            let tau = (day - from) / (to - from);
            assert!((tau - f64::from(target.tau)).abs() < 1e-6);
            short += usize::from(to - from < 100.0);
            long += usize::from(to - from > 265.0);
            early += usize::from(tau < 0.5);
        }
        let (from, to) = row.shared;
        assert!(to - from > 4.0 - 1e-9);
        assert!(
            from < row.support.1 && to > row.support.0,
            "{:?}",
            row.shared
        );
    }
    assert!(short > 150 && long > 150, "{short} {long}");
    assert!((380..520).contains(&early), "{early}");
}

#[test]
fn the_student_sees_less_and_never_nothing() {
    let sources = three();
    let mut chance = chance("student");
    let (mut without, mut halves, mut at_random) = ([0; 3], [0; 2], 0);
    for _ in 0..900 {
        let row = RowPlan::draw(&sources, 24, &mut chance).unwrap();
        assert!(row.student.iter().flatten().any(|kept| *kept));
        for (at, kept) in row.student.iter().enumerate() {
            assert_eq!(kept.len(), row.inputs[at].len());
            without[at] += usize::from(!kept.iter().any(|kept| *kept));
        }
        let half = 365.25 / 2.0;
        let days = |source: usize| {
            let frames = row.inputs[source].iter().zip(&row.student[source]);
            frames
                .map(|(frame, kept)| (sources[source].days[*frame], *kept))
                .collect::<Vec<_>>()
        };
        let main = days(0);
        let is_last = main
            .iter()
            .all(|(day, kept)| *kept == (*day < row.support.1 - half));
        let is_first = main
            .iter()
            .all(|(day, kept)| *kept == (*day >= row.support.0 + half));
        if is_last && row.shared.0 >= row.support.1 - half - 1e-9 {
            halves[0] += 1;
            assert!(row.shared.1 <= row.support.1 + 1e-9);
        } else if is_first && row.shared.1 <= row.support.0 + half + 1e-9 {
            halves[1] += 1;
            assert!(row.shared.0 >= row.support.0 - 1e-9);
        } else {
            at_random += 1;
        }
    }
    // A third each; the main source is never dropped whole, the others in three of ten rows.
    assert!(
        halves.iter().all(|count| (230..370).contains(count)),
        "{halves:?}"
    );
    assert!((230..370).contains(&at_random), "{at_random}");
    assert!(without[0] < 10, "{without:?}");
    assert!((200..400).contains(&without[1]), "{without:?}");
}

#[test]
fn a_few_frames_are_enough_and_one_is_not() {
    let mut chance = chance("few");
    let one = [times(vec![3.0], true)];
    assert_eq!(RowPlan::draw(&one, 24, &mut chance), None);
    assert_eq!(RowPlan::draw(&[], 24, &mut chance), None);
    let two = [times(vec![3.0, 900.0], true)];
    for _ in 0..20 {
        let row = RowPlan::draw(&two, 24, &mut chance).unwrap();
        assert_eq!(row.inputs[0].len(), 1);
        assert!(row.targets[0].is_some());
    }
    // One frame of each of two sources: one is looked at, the other found.
    let pair = [times(vec![3.0], true), times(vec![5.0], false)];
    for _ in 0..20 {
        let row = RowPlan::draw(&pair, 24, &mut chance).unwrap();
        assert_eq!(row.inputs.iter().map(Vec::len).sum::<usize>(), 1);
        assert_eq!(row.targets.iter().flatten().count(), 1);
    }
    // Elevation is found from one frame, at any time of the support period.
    let height = SourceTimes {
        is_input: false,
        is_static: true,
        ..times(vec![0.0], false)
    };
    let row = RowPlan::draw(&[times(vec![700.0], true), height], 24, &mut chance).unwrap();
    assert_eq!(row.inputs, [vec![0], vec![]]);
    let (from, to) = row.targets[1].as_ref().unwrap().period;
    assert!(from < 701.0 && to > 700.0, "{from} {to}");
    // Five frames in 35 years.
    let decades = [times((0..5).map(|at| at as f64 * 3000.0).collect(), true)];
    let row = RowPlan::draw(&decades, 24, &mut chance).unwrap();
    assert!(!row.inputs[0].is_empty() && row.targets[0].is_some());
}

#[test]
fn places_no_source_fills_go_to_the_others() {
    assert_eq!(quotas(&[50, 50, 50], &[true, false, false], 24), [12, 6, 6]);
    assert_eq!(quotas(&[50, 2, 50], &[true, false, false], 24), [15, 2, 7]);
    assert_eq!(quotas(&[3, 1], &[true, false], 24), [3, 1]);
    assert_eq!(quotas(&[30], &[true], 24), [24]);
    assert_eq!(quotas(&[0, 9], &[true, false], 6), [0, 6]);
}

#[test]
fn another_target_changes_places_with_an_input() {
    let sources = three();
    let mut chance = chance("again");
    for _ in 0..50 {
        let mut row = RowPlan::draw(&sources, 200, &mut chance).unwrap();
        let mut tried = vec![row.targets[2].as_ref().unwrap().frame];
        while row.retarget(2, &sources[2], &mut chance) {
            let frame = row.targets[2].as_ref().unwrap().frame;
            assert!(!tried.contains(&frame) && !row.inputs[2].contains(&frame));
            tried.push(frame);
        }
        assert!(tried.len() > 15);
    }
}

#[test]
fn the_optical_source_with_most_frames_is_the_main_one() {
    let optical = [(true, true, 118), (true, false, 159), (true, true, 26)];
    assert_eq!(main_source(&optical), Some(0));
    assert_eq!(main_source(&[(true, false, 5), (true, false, 9)]), Some(1));
    assert_eq!(main_source(&[(false, true, 5)]), None);
}
