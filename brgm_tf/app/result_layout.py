"""The components of the result."""

from __future__ import annotations

from typing import Any, NamedTuple


class Outputs(NamedTuple):
    """Components of the result."""

    live: Any
    result: Any
    slider: Any
    truth: Any
    residual: Any
    faces: Any
    posterior: Any
    samples: Any
    mean: Any
    stddev: Any
    column: Any
    row: Any
    interval: Any
    metrics: Any
    archive: Any
    flagfile: Any
    script: Any


def heading(number: int, text: str) -> None:
    """Makes the numbered heading of a part of the page."""
    import gradio as gr

    gr.HTML(f"<h2><span>{number}</span>{text}</h2>", elem_classes="step")


def make_outputs() -> Outputs:
    """Makes the components of the result; returns them."""
    import gradio as gr

    live = gr.HTML(elem_id="live")
    with gr.Column(visible=False, elem_id="result") as result:
        heading(6, "Result")
        slider = gr.ImageSlider(
            label="Measurement and restoration",
            type="filepath",
            format="png",
            buttons=["fullscreen"],
            interactive=False,
            max_height=640,
            elem_id="slider",
        )
        metrics = gr.HTML()
        with gr.Row():
            residual = _picture("Absolute residual")
            truth = _picture("Truth", visible=False)
        faces = gr.Gallery(
            label="Faces",
            columns=1,
            object_fit="contain",
            buttons=["fullscreen"],
            interactive=False,
            visible=False,
            elem_id="faces",
        )
        with gr.Column(visible=False) as posterior:
            parts = _make_posterior()
        archive = gr.DownloadButton("Download everything (zip)", elem_id="archive")
        with gr.Accordion("Repeat this run", open=False):
            flagfile = gr.Code(label="Flagfile: python -m brgm_tf.reconstruct --flagfile=run.cfg")
            script = gr.Code(label="Python", language="python")
    return Outputs(
        live=live,
        result=result,
        slider=slider,
        truth=truth,
        faces=faces,
        residual=residual,
        posterior=posterior,
        **parts,
        metrics=metrics,
        archive=archive,
        flagfile=flagfile,
        script=script,
    )


def _make_posterior() -> dict[str, Any]:
    """Makes the components of posterior samples."""
    import gradio as gr

    samples = gr.Gallery(
        label="Posterior samples",
        columns=4,
        object_fit="contain",
        buttons=["fullscreen"],
        interactive=False,
        elem_id="samples",
    )
    with gr.Row():
        mean = _picture("Posterior mean")
        stddev = _picture("Standard deviation")
    gr.HTML("<p>Click a pixel, or state its column and row, for its 90 % interval.</p>")
    with gr.Row():
        column = gr.Number(0, precision=0, minimum=0, label="Column of a pixel", min_width=120)
        row = gr.Number(0, precision=0, minimum=0, label="Row of a pixel", min_width=120)
    interval = gr.HTML(elem_classes="interval")
    return {
        "samples": samples,
        "mean": mean,
        "stddev": stddev,
        "column": column,
        "row": row,
        "interval": interval,
    }


def _picture(label: str, *, visible: bool = True) -> Any:
    import gradio as gr

    return gr.Image(
        label=label,
        type="filepath",
        format="png",
        buttons=["download", "fullscreen"],
        interactive=False,
        visible=visible,
        min_width=240,
        height=360,
    )
