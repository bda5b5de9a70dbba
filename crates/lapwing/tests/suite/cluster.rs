//! Studies on a cluster: scripts that run as they are, what a batch system is told, and a real
//! Slurm where it is installed.

use crate::common::{Bench, PROGRAM, objects, stderr, wait_until};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const DESIGN: &str = r#"
[study]
name = "handed over"
doses = [1e3, 1e4]
views = ["baseline", "dense"]
pattern_size = 16
[probe]
diameter = 9
[scan]
step = 4
field = [40, 24]
[solver]
epochs = EPOCHS
"#;

/// A cluster of one: `sbatch` runs a script at once, task after task, and the others write down
/// what they are told.
const SBATCH: &str = r#"#!/bin/bash
echo "sbatch $*" >> "$FAKE/told"
id=$(( $(wc -l < "$FAKE/ids" 2>/dev/null || echo 0) + 41 )); echo $id >> "$FAKE/ids"
for script; do :; done
[ ! -e "$FAKE/refuse-$(basename "$script")" ] || { echo "sbatch: error: Invalid partition" >&2; exit 1; }
[ -e "$FAKE/asleep" ] && { echo $id; exit; }
array=$(sed -n 's/^#SBATCH --array=1-//p' "$script")
for task in $(seq 1 "${array:-1}"); do
    export SLURM_JOB_ID=$id SLURM_CPUS_PER_TASK=1
    [ -z "$array" ] || export SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$task
    bash "$script" > "$FAKE/log-$id-$task" 2>&1 || echo "$id $task failed" >> "$FAKE/told"
done
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID
echo "$id;somewhere"
"#;

pub fn fake(bench: &Bench) -> PathBuf {
    let folder = bench.path("fake");
    std::fs::create_dir(&folder).unwrap();
    let tell = |name: &str| {
        format!(
            "#!/bin/bash\necho \"{name} $*\" >> \"$FAKE/told\"\ncat \"$FAKE/{name}-says\" 2>/dev/null\nexit 0\n"
        )
    };
    let put = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    put("sbatch", SBATCH.to_owned());
    for name in ["squeue", "scancel", "scontrol"] {
        put(name, tell(name));
    }
    folder
}

/// The program with the commands of `folder` before all others.
fn command(bench: &Bench, folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .args(arguments.split_whitespace())
        .current_dir(bench.path(""))
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("FAKE", folder);
    command
}

fn run(bench: &Bench, folder: &Path, arguments: &str) -> Output {
    command(bench, folder, arguments).output().unwrap()
}

fn told(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("told")).unwrap_or_default()
}

fn design(bench: &Bench, epochs: usize, slurm: &str) {
    let text = DESIGN.replace("EPOCHS", &epochs.to_string());
    std::fs::write(bench.path("design.toml"), text + slurm).unwrap();
}

#[test]
fn the_scripts_do_a_study_and_nothing_twice() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    design(&bench, 3, "");
    bench.ok("study run design.toml --output whole");
    let slurm = fake(&bench);
    let section = "[slurm]\npartition = \"long\"\ntasks = 3\nsbatch = [\"--qos=low\"]\n";
    design(&bench, 3, section);
    let options = "--time 01:00:00 --cpus 1 --partition short";
    let output =
        run(&bench, &slurm, &format!("study submit design.toml --output out {options} --json"));
    assert!(output.status.success(), "{}", stderr(&output));
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&record["reconstructions"], &record["tasks"]), (&8.into(), &3.into()));
    let ids: Vec<&str> = (record["cluster"]["jobs"].as_array().unwrap().iter())
        .map(|job| job["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["41", "42", "43"]);
    let said = told(&slurm);
    assert!(!said.contains("failed"), "{said}");
    assert!(said.contains("--dependency=afterok:41") && said.contains("--dependency=afterany:42"));
    let script = std::fs::read_to_string(bench.path("out/cluster/reconstruct.sh")).unwrap();
    for line in ["#SBATCH --partition=short", "#SBATCH --qos=low", "#SBATCH --array=1-3"] {
        assert!(script.contains(line), "{line}: {script}");
    }
    assert!(objects(&bench.path("out")) == objects(&bench.path("whole")));
    assert!(bench.path("out/report/index.html").is_file());

    std::fs::write(slurm.join("squeue-says"), "COMPLETED|None\n").unwrap();
    let status = run(&bench, &slurm, "study status out --json");
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["done"], 8);
    assert_eq!(status["cluster"]["jobs"][1]["state"]["words"], "1 completed");
    // What is over may be submitted again, and finds all done.
    let again = run(&bench, &slurm, "study submit design.toml --output out --tasks 1");
    assert!(again.status.success(), "{}", stderr(&again));
    std::fs::write(slurm.join("squeue-says"), "RUNNING|None\nPENDING|Resources\n").unwrap();
    let again = run(&bench, &slurm, "study submit design.toml --output out");
    assert_eq!(again.status.code(), Some(1));
    let words = stderr(&again);
    assert!(words.contains("1 pending (Resources)") && words.contains("study cancel"), "{words}");
    assert!(run(&bench, &slurm, "study cancel out").status.success());
    assert!(told(&slurm).contains("scancel --quiet 46 45 44"), "{}", told(&slurm));
}

#[test]
fn what_a_batch_system_refuses_leaves_nothing_waiting() {
    let bench = Bench::new();
    design(&bench, 3, "");
    let slurm = fake(&bench);
    std::fs::write(slurm.join("asleep"), "").unwrap();
    std::fs::write(slurm.join("refuse-reconstruct.sh"), "").unwrap();
    let output = run(&bench, &slurm, "study submit design.toml --output out");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("Invalid partition"), "{}", stderr(&output));
    assert!(told(&slurm).contains("scancel --quiet 41"), "{}", told(&slurm));
    assert!(!bench.path("out/cluster/submission.json").exists());

    let dry = run(&bench, &slurm, "study submit design.toml --output dry --dry-run");
    let text = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(dry.status.success() && text.contains("#SBATCH --array=1-8"), "{text}");
    assert!(!bench.path("dry").exists() && !told(&slurm).contains("dry"));
    let hq = "study submit design.toml --output dry --dry-run --engine hq --time";
    let text = String::from_utf8(run(&bench, &slurm, &format!("{hq} unlimited")).stdout).unwrap();
    assert!(text.contains("[[task]]") && !text.contains("time_limit"), "{text}");
    bench.fails(&format!("{hq} 12x"), &["--time 12x", "expected a time such as"]);

    bench.fails("study cancel out", &["out", "no batch system", "study submit"]);
    let output = bench.run("study submit design.toml --output out --engine pbs");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("slurm or hq"), "{}", stderr(&output));
    // No Slurm here.
    let output = command(&bench, &slurm, "study submit design.toml --output out")
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let words = stderr(&output);
    assert!(words.contains("cannot run sbatch") && words.contains("PATH"), "{words}");
}

/// Whether any job has left its state.
fn has_checkpoint(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() { has_checkpoint(&path) } else { path.ends_with("checkpoint.npz") }
    })
}

#[test]
fn a_task_whose_time_runs_out_stores_its_state_and_comes_again() {
    let bench = Bench::new();
    design(&bench, 200_000, "");
    let slurm = fake(&bench);
    std::fs::write(slurm.join("asleep"), "").unwrap();
    assert!(run(&bench, &slurm, "study submit design.toml --output out").status.success());
    bench.ok("study prepare design.toml --output out");
    let path = format!("{}:{}", slurm.display(), std::env::var("PATH").unwrap());
    let mut task = Command::new("bash")
        .arg(bench.path("out/cluster/reconstruct.sh"))
        .env("PATH", path)
        .env("FAKE", &slurm)
        .envs([("SLURM_JOB_ID", "77"), ("SLURM_ARRAY_JOB_ID", "70")])
        .envs([("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_CPUS_PER_TASK", "1")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("a job at work", || {
        let status = bench.json("study status out");
        (status["running"].as_u64() > Some(0)).then_some(())
    });
    std::thread::sleep(Duration::from_secs(1));
    let sent = Command::new("kill").args(["-USR1", &task.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(task.wait().unwrap().code(), Some(1));
    assert!(told(&slurm).contains("scontrol requeue 70_3"), "{}", told(&slurm));
    assert!(has_checkpoint(&bench.path("out/reconstructions")));
}

/// Waits a minute for a daemon; `None` where it does not come, as on a machine that has no room for
/// one.
fn soon(mut there: impl FnMut() -> bool) -> Option<()> {
    let started = Instant::now();
    while !there() {
        if started.elapsed() > Duration::from_secs(60) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Some(())
}

/// A Slurm of two nodes on this machine, ended with the test.
struct Cluster {
    folder: PathBuf,
    daemons: Vec<std::process::Child>,
    /// Numbers of the daemons of the nodes, by their names.
    nodes: Vec<(String, u32)>,
}

/// Programs that work on the study in `folder`, newest last, and the Slurm node that each is on.
fn tasks_in(folder: &Path) -> Vec<(u32, String)> {
    let read = |id: u32, what: &str| std::fs::read(format!("/proc/{id}/{what}")).ok();
    let words = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\0', "\n");
    let ids = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut tasks: Vec<(u32, String)> = ids
        .filter_map(|id| {
            let command = words(read(id, "cmdline")?);
            let asked = command.contains("\njobs\n--study\n");
            if !asked || !command.contains(&*folder.to_string_lossy()) {
                return None;
            }
            let surroundings = words(read(id, "environ")?);
            let node =
                surroundings.lines().find_map(|line| line.strip_prefix("SLURMD_NODENAME="))?;
            Some((id, node.to_owned()))
        })
        .collect();
    tasks.sort_unstable();
    tasks
}

fn kill(id: u32) {
    let sent = Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
    assert!(sent.success(), "{id}");
}

impl Cluster {
    /// `None` where Slurm is not installed or cannot be started.
    fn start(folder: &Path) -> Option<Self> {
        let there = |name: &str| {
            let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
            found.is_ok_and(|output| output.status.success())
        };
        let root = Command::new("id").arg("-u").output().ok()?.stdout == b"0\n";
        if !root || !["slurmctld", "slurmd", "munged", "sbatch"].iter().all(|name| there(name)) {
            return None;
        }
        let host = Command::new("hostname").arg("-s").output().ok()?;
        let host = String::from_utf8(host.stdout).ok()?.trim().to_owned();
        // Ports of no other run of this test.
        let port = 20_000 + std::process::id() % 10_000 * 4;
        for name in ["munge", "state", "spooln1", "spooln2"] {
            std::fs::create_dir_all(folder.join(name)).ok()?;
        }
        let private = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).ok()
        };
        private(&folder.join("munge"), 0o700)?;
        let key = folder.join("munge/key");
        std::fs::write(&key, (0..1024).map(|byte| (byte * 7 % 251) as u8).collect::<Vec<_>>())
            .ok()?;
        private(&key, 0o600)?;
        let at = folder.display();
        let text = format!(
            "ClusterName=lapwing\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={port}\nAuthType=auth/munge\n\
             AuthInfo=socket={at}/munge/socket\nCredType=cred/munge\nSlurmUser=root\nSlurmdUser=root\n\
             StateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool%n\nSlurmctldPidFile={at}/ctld.pid\n\
             SlurmdPidFile={at}/%n.pid\nSlurmctldLogFile={at}/ctld.log\nSlurmdLogFile={at}/%n.log\n\
             ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_Core\nSchedulerParameters=bf_interval=1,sched_interval=2\n\
             ReturnToService=2\nSlurmdTimeout=5\nKillWait=5\nMailProg=/bin/true\nJobRequeue=1\n\
             NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{}-{}] CPUs=1 State=UNKNOWN\n\
             PartitionName=all Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP\n",
            port + 1,
            port + 2
        );
        std::fs::write(folder.join("slurm.conf"), text).ok()?;
        let mut cluster =
            Self { folder: folder.to_owned(), daemons: Vec::new(), nodes: Vec::new() };
        let place = |name: &str| folder.join(name).display().to_string();
        let (socket, pid, log, seed) =
            (place("munge/socket"), place("munge/pid"), place("munge/log"), place("munge/seed"));
        let key = key.display().to_string();
        cluster.daemon(
            "munged",
            &[
                "--foreground",
                "--force",
                "--key-file",
                &key,
                "--socket",
                &socket,
                "--pid-file",
                &pid,
                "--log-file",
                &log,
                "--seed-file",
                &seed,
            ],
        );
        soon(|| Path::new(&socket).exists())?;
        cluster.daemon("slurmctld", &["-D", "-i", "-f", &place("slurm.conf")]);
        cluster.node("n1");
        cluster.node("n2");
        soon(|| {
            let mut command = Command::new("sinfo");
            let told = cluster.at_home(command.args(["-h", "-o", "%D %t"])).output().unwrap();
            String::from_utf8_lossy(&told.stdout).trim() == "2 idle"
        })?;
        Some(cluster)
    }

    fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("SLURM_CONF", self.folder.join("slurm.conf"))
    }

    fn daemon(&mut self, name: &str, arguments: &[&str]) {
        let mut command = Command::new(name);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemons.push(self.at_home(&mut command).spawn().unwrap());
    }

    fn node(&mut self, name: &str) {
        let configuration = self.folder.join("slurm.conf").display().to_string();
        self.daemon("slurmd", &["-D", "-N", name, "-f", &configuration]);
        let id = self.daemons.last().map(std::process::Child::id).unwrap();
        self.nodes.retain(|(node, _)| node != name);
        self.nodes.push((name.to_owned(), id));
    }

    /// Ends the daemon of a node at once.
    fn kill_node(&self, name: &str) {
        kill(self.nodes.iter().find(|(node, _)| node == name).unwrap().1);
    }

    /// Runs a command in the folder of `bench`, prints it and what it says, and returns that.
    #[expect(clippy::print_stdout, reason = "the log is what the test is for")]
    fn tell(&self, bench: &Bench, command: &str) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        let program = if words[0] == "lapwing" { PROGRAM } else { words[0] };
        let mut started = Command::new(program);
        started.args(&words[1..]).current_dir(bench.path(""));
        let output = self.at_home(&mut started).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
        let said = said.replace(&format!("{}/", bench.path("").display()), "");
        println!("$ {command}\n{}", said.trim_end());
        assert!(output.status.success(), "{command}: {said}");
        said
    }

    fn run(&self, bench: &Bench, arguments: &str) -> Output {
        let mut command = Command::new(PROGRAM);
        command.args(arguments.split_whitespace()).current_dir(bench.path(""));
        self.at_home(&mut command).output().unwrap()
    }

    fn status(&self, bench: &Bench) -> Value {
        self.status_of(bench, "out")
    }

    fn status_of(&self, bench: &Bench, study: &str) -> Value {
        let output = self.run(bench, &format!("study status {study} --json"));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut command = Command::new("scancel");
        let _ = self.at_home(command.args(["--quiet", "--partition=all"])).output();
        for daemon in self.daemons.iter_mut().rev() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn skipped() {
    println!("skipped: slurmctld, slurmd and munge are not installed or cannot be started here");
}

#[test]
fn a_real_slurm_does_a_study_although_a_node_and_a_task_die() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let home = tempfile::tempdir().unwrap();
    let Some(mut cluster) = Cluster::start(home.path()) else { return skipped() };
    let comment = r#"it's "dose" \ overlap #1"#;
    design(&bench, 4000, &format!("[slurm]\nsbatch = ['''--comment={comment}''']\n"));
    bench.ok("study run design.toml --output whole");
    let submit = "study submit design.toml --output out --tasks 2 --cpus 1 --time 10";
    let submitted = cluster.run(&bench, submit);
    assert!(submitted.status.success(), "{}", stderr(&submitted));
    let mut squeue = Command::new("squeue");
    let told = cluster.at_home(&mut squeue).args(["--noheader", "--format=%k"]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.lines().count() >= 3 && told.lines().all(|found| found == comment), "{told}");
    wait_until("two tasks at work", || {
        (cluster.status(&bench)["running"].as_u64() == Some(2)).then_some(())
    });
    // A node dies, and comes back; so does the program of a task.
    cluster.kill_node("n2");
    kill(tasks_in(&bench.path("out")).last().unwrap().0);
    std::thread::sleep(Duration::from_secs(1));
    cluster.node("n2");
    let cancelled = cluster.run(&bench, "study cancel out");
    assert!(cancelled.status.success(), "{}", stderr(&cancelled));
    wait_until("an end of all jobs", || {
        let status = cluster.status(&bench);
        let jobs = status["cluster"]["jobs"].as_array().cloned().unwrap_or_default();
        (!jobs.is_empty() && jobs.iter().all(|job| job["state"]["over"] == true)).then_some(())
    });
    let again = cluster.run(&bench, submit);
    assert!(again.status.success(), "{}", stderr(&again));
    wait_until("the report", || bench.path("out/report/index.html").is_file().then_some(()));
    assert!(objects(&bench.path("out")) == objects(&bench.path("whole")));
}

/// The quick study on two nodes, one of which dies with what it computes and comes back: the bits
/// are those of one machine. What it prints is the log in `docs/slurm.md`.
#[test]
fn the_quick_study_on_two_nodes_of_which_one_dies() {
    if std::env::var_os("LAPWING_SLURM_LOG").is_none() {
        println!(
            "SKIPPED: minutes long, and a smaller study is done so; LAPWING_SLURM_LOG=1 runs it"
        );
        return;
    }
    let bench = Bench::new();
    let design = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quick.toml");
    std::fs::copy(design, bench.path("quick.toml")).unwrap();
    bench.ok("study run quick.toml --output whole --quiet");
    let home = tempfile::tempdir().unwrap();
    let Some(mut cluster) = Cluster::start(home.path()) else { return skipped() };
    let nodes = "sinfo --noheader --Node --format=%N,%t";
    cluster.tell(&bench, nodes);
    let submit = "study submit quick.toml --output quick --tasks 2 --cpus 1 --time 30";
    cluster.tell(&bench, &format!("lapwing {submit}"));
    let folder = bench.path("quick");
    let of_second =
        || tasks_in(&folder).into_iter().find(|(_, node)| node == "n2").map(|(id, _)| id);
    let task = wait_until("a task at work on the second node", of_second);
    wait_until("a job that is done", || {
        (cluster.status_of(&bench, "quick")["done"].as_u64() > Some(3)).then_some(())
    });
    cluster.tell(&bench, "squeue --noheader --format=%i,%j,%T,%N");
    cluster.kill_node("n2");
    kill(task);
    println!("(the daemon of n2 and the program on it are killed)");
    let state = |cluster: &Cluster, wanted: &[&str]| {
        let mut command = Command::new("sinfo");
        command.args(["--noheader", "--nodes=n2", "--format=%t"]);
        let told = cluster.at_home(&mut command).output().unwrap().stdout;
        wanted.contains(&String::from_utf8_lossy(&told).trim()).then_some(())
    };
    wait_until("a node that is missed", || state(&cluster, &["down", "down*"]));
    cluster.tell(&bench, nodes);
    cluster.tell(&bench, "squeue --noheader --format=%i,%j,%T,%N");
    cluster.tell(&bench, "lapwing study status quick");
    cluster.node("n2");
    println!("(the daemon of n2 is started again)");
    wait_until("a node that is back", || state(&cluster, &["idle", "alloc", "mix"]));
    cluster.tell(&bench, nodes);
    let begun = Instant::now();
    while !bench.path("quick/report/index.html").is_file() {
        assert!(begun.elapsed() < Duration::from_secs(1800), "no report");
        std::thread::sleep(Duration::from_millis(200));
    }
    cluster.tell(&bench, "lapwing study status quick");
    let (found, whole) = (objects(&folder), objects(&bench.path("whole")));
    assert!(found == whole);
    println!("({} objects, every bit as by one process)", found.len());
}
