//! Workers that are killed, frozen, cut off, told to stop, or without room.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use rustix::process::Signal;

use crate::check::check;
use crate::cluster::{Cluster, PER_TASK, full};

#[test]
fn workers_are_killed_again_and_again() {
    let Some(mut cluster) = Cluster::start(if full() { 10_000 } else { 1_000 }, 20) else {
        return;
    };
    cluster.workers(4);
    let local = cluster.submit();
    let kills = if full() { 40 } else { 8 };
    let mut seed = 0x5eed_u64;
    for kill in 1..=kills {
        cluster.progress(kill, kills + 2);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(kill);
        let name = format!("worker-{}", (seed >> 33) % 4);
        cluster.kill(&name);
        cluster.again(&name);
    }
    let found = check(&cluster, &local);
    assert!(found.wasted() < 0.15, "{found}");
    cluster.note("kill -9 a random worker of 4", &format!("{kills} kills, {found}"));
}

#[test]
fn a_frozen_worker_comes_back_as_a_zombie() {
    // As long as a lease and more, or as the table has it.
    let frozen = Duration::from_secs(if full() { 60 } else { 20 });
    let Some(mut cluster) = Cluster::start(1_000, 10) else {
        return;
    };
    cluster.workers(3);
    let local = cluster.submit();
    cluster.progress(1, 4);
    cluster.signal("worker-0", Signal::STOP);
    sleep(frozen);
    cluster.signal("worker-0", Signal::CONT);
    let found = check(&cluster, &local);
    assert!(cluster.is_alive("worker-0"));
    cluster.note(&format!("SIGSTOP of a worker for {} s", frozen.as_secs()), &found.to_string());
}

/// A way to a server that can be cut: connections stay open and nothing goes through them.
struct Wire {
    address: String,
    cut: Arc<AtomicBool>,
}

impl Wire {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let cut = Arc::new(AtomicBool::new(false));
        let switch = Arc::clone(&cut);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                pass(client.try_clone().unwrap(), server.try_clone().unwrap(), Arc::clone(&switch));
                pass(server, client, Arc::clone(&switch));
            }
        });
        Self { address, cut }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, cut: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut buffer = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            while cut.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(20));
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

#[test]
fn a_worker_is_cut_off_and_comes_back() {
    let cut_off = Duration::from_secs(if full() { 30 } else { 20 });
    let Some(mut cluster) = Cluster::start(1_000, 10) else {
        return;
    };
    cluster.workers(2);
    let wire = Wire::to(cluster.address().to_owned());
    cluster.worker("far", &[("ASSAY_CLUSTER", &format!("http://{}", wire.address))]);
    cluster.wait("the far worker", |cluster| {
        let queue = cluster.ask(&["queue", "-o", "json"])?;
        (queue[0]["slots"].as_u64()? >= 3).then_some(())
    });
    let local = cluster.submit();
    cluster.progress(1, 4);
    wire.cut.store(true, Ordering::Relaxed);
    sleep(cut_off);
    wire.cut.store(false, Ordering::Relaxed);
    let found = check(&cluster, &local);
    assert!(cluster.is_alive("far"));
    cluster.note(&format!("a worker cut off for {} s", cut_off.as_secs()), &found.to_string());
}

#[test]
fn workers_that_are_told_to_stop_lose_nothing() {
    let Some(mut cluster) = Cluster::start(1_000, 20) else {
        return;
    };
    cluster.workers(3);
    let local = cluster.submit();
    for (part, name) in [(1, "worker-0"), (2, "worker-1")] {
        cluster.progress(part, 4);
        cluster.signal(name, Signal::TERM);
        assert_eq!(cluster.exit_code(name), Some(0), "{}", cluster.log(name));
    }
    let found = check(&cluster, &local);
    // What they had was finished, unless somebody else was faster.
    let others =
        "SELECT count(*) FROM attempts WHERE worker IN ('worker-0', 'worker-1') AND ending NOT IN ('done', 'cancelled')";
    assert_eq!((cluster.services.count(others), found.lost), (0, 0));
    cluster.note("SIGTERM of 2 workers of 3", &found.to_string());
}

/// A small file system of its own, where that can be had.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: PathBuf) -> Option<Self> {
        fs::create_dir_all(&place).unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(&place);
        if command.status().is_ok_and(|status| status.success()) {
            return Some(Self(place));
        }
        println!("skipped: no file system can be mounted here");
        None
    }

    fn grow(&self) {
        let mut command = Command::new("mount");
        command.args(["-o", "remount,size=1g"]).arg(&self.0);
        assert!(command.status().unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is left of it goes with the machine.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_work_goes_on_when_there_is_room() {
    let Some(mut cluster) = Cluster::start(if full() { 1_000 } else { 300 }, 1) else {
        return;
    };
    let Some(disk) = SmallDisk::mount(cluster.path("depot")) else {
        return;
    };
    cluster.workers(2);
    let local = cluster.submit();
    cluster.wait("a word about it", |cluster| {
        let said = cluster.said(&local.name);
        said.iter()
            .any(|line| line.contains("pauses: no space left for"))
            .then_some(())
    });
    let before = cluster.wait("its progress", |cluster| cluster.safe(&local.name));
    assert!(before < local.tasks * PER_TASK, "there was room for all");
    let log = cluster.log("worker-0") + &cluster.log("worker-1");
    assert!(
        log.contains("no space left for") && log.contains("no tasks are taken for a while"),
        "{log}"
    );
    disk.grow();
    let found = check(&cluster, &local);
    let failed = cluster
        .services
        .count("SELECT count(*) FROM attempts WHERE ending = 'failed'");
    assert_eq!(failed, 0, "nothing is wrong with the tasks");
    cluster.note("the disk of workers and coordinator is full", &found.to_string());
    drop(cluster);
}
