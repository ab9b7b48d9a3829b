"""What TensorBoard's own reader finds in the event files of a run that was killed and gone on with.

usage: tests/house/tensorboard_test.py BIN_FOLDER

Exits with 77 where TensorBoard is not installed.
"""
import collections
import contextlib
import io
import logging
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import warnings

try:
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.backend.event_processing import plugin_event_accumulator
    from tensorboard.plugins.hparams import plugin_data_pb2
    from tensorboard.util import tb_logging
except ImportError:
    print("no TensorBoard here")
    sys.exit(77)


def train(train_program, *options, kill_at=None):
    process = subprocess.Popen([train_program, *options, "--quiet"])
    while kill_at and process.poll() is None:
        if kill_at.exists() and len(kill_at.read_text().splitlines()) > 6:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    status = process.wait()
    assert status == (-signal.SIGKILL if kill_at else 0), status


def hyper_parameters(accumulator):
    """The contents of the three records of the plugin."""
    found = {}
    for tag, content in accumulator.PluginTagToContent("hparams").items():
        found[tag] = plugin_data_pb2.HParamsPluginData.FromString(content)
    return found


def check(run):
    accumulator = plugin_event_accumulator.EventAccumulator(str(run))
    accumulator.Reload()
    steps = collections.Counter()
    for path in sorted(run.glob("events.out.tfevents.*")):
        for event in event_file_loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                steps[value.tag, event.step] += 1
    assert steps.most_common(1)[0][1] == 1, steps.most_common(3)

    tags = set(accumulator.Tags()["tensors"])
    for tag in ("charts/episodic_return", "charts/SPS", "losses/approx_kl", "eval/return",
                "policy/log_probability", "config", "pictures/environment",
                "pictures/network_input"):
        assert tag in tags, (tag, sorted(tags))
    kinds = collections.Counter()
    for tag in tags:
        kinds[accumulator.SummaryMetadata(tag).plugin_data.plugin_name] += 1
    assert {"scalars", "histograms", "images", "text", "hparams"} == set(kinds), kinds
    assert any(tag.startswith("weights/") for tag in tags), tags
    assert any(tag.startswith("gradients/") for tag in tags), tags

    text = accumulator.Tensors("config")[0].tensor_proto.string_val[0].decode()
    assert "total_updates: 12" in text, text
    bins = accumulator.Tensors("policy/log_probability")[-1].tensor_proto
    assert [dim.size for dim in bins.tensor_shape.dim][1:] == [3], bins.tensor_shape
    width, height, png = accumulator.Tensors("pictures/environment")[-1].tensor_proto.string_val[:3]
    assert int(width) > 10 and int(height) > 10 and png.startswith(b"\x89PNG"), (width, height)

    found = hyper_parameters(accumulator)
    start = found["_hparams_/session_start_info"].session_start_info
    assert start.hparams["algorithm.gamma"].number_value == 0.9, start
    assert start.hparams["environment.name"].string_value == "PixelCartPole", start
    assert found["_hparams_/session_end_info"].session_end_info.status == 1
    metrics = [m.name.tag for m in found["_hparams_/experiment"].experiment.metric_infos]
    assert "eval/return" in metrics and set(metrics) <= tags | {"charts/success_rate"}, metrics


def main():
    program = pathlib.Path(sys.argv[1]).resolve() / "train"
    config = pathlib.Path(__file__).resolve().parents[2] / "configs/pixels/cartpole_impala.yaml"
    complaints = io.StringIO()
    tb_logging.get_logger().addHandler(logging.StreamHandler(complaints))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        run = pathlib.Path(folder) / "run"
        settings = [f"--set={s}" for s in (
            "algorithm.total_updates=12", "algorithm.gamma=0.9", "trainer.num_envs=2",
            "trainer.rollout_steps=32", "trainer.minibatch_size=16", "trainer.checkpoint_every=4",
            "evaluation.every=3", "evaluation.episodes=2")]
        train(program, config, "--out", run, *settings, kill_at=run / "metrics.csv")
        train(program, "--resume", run)
        with contextlib.redirect_stderr(complaints):
            check(run)
    assert not complaints.getvalue(), complaints.getvalue()


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0")
main()
