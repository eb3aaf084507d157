"""The components of the page, in the order in which a person uses them."""

from __future__ import annotations

from typing import Any, NamedTuple

from brgm_tf.app.owner import Owner
from brgm_tf.app.rows_panel import ChainPanel, make_panel
from brgm_tf.app.settings import ESTIMATOR_NAMES
from brgm_tf.app.uploads import BRUSH, CANVAS, SUFFIXES
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.io.medical import PLANES

TITLE = "brgm_tf"
_INTRODUCTION = (
    "Restores a damaged image with a generator as the prior. Pixels that the generator fills in "
    "are plausible, not observed: for research and demonstrations, not for diagnosis."
)
_BRUSH = "#{:02x}{:02x}{:02x}".format(*BRUSH[:3])
_KINDS = [
    ("This picture is damaged", "measurement"),
    ("Damage it for me, and compare", "clean"),
]


class Inputs(NamedTuple):
    """Components that a visitor sets; `settings.Settings` has the meaning of most of them."""

    example: Any
    upload: Any
    input_kind: Any
    medical: Any
    plane: Any
    slices: Any
    window: Any
    generator: Any
    facts: Any
    class_label: Any
    chain: ChainPanel
    estimator: Any
    num_steps: Any
    num_samples: Any
    adaptation_steps: Any
    seed: Any
    editor: Any
    mask: Any
    restore: Any
    stop: Any


class Refusals(NamedTuple):
    """HTML of the message at each group of fields."""

    input: Any
    generator: Any
    more: Any
    masks: Any
    run: Any


class Outputs(NamedTuple):
    """Components of the result."""

    live: Any
    result: Any
    slider: Any
    truth: Any
    residual: Any
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


class Layout(NamedTuple):
    """All components."""

    inputs: Inputs
    refusals: Refusals
    outputs: Outputs


def make_layout(owner: Owner) -> Layout:
    """Makes all components in the current Gradio context; returns them."""
    import gradio as gr

    gr.HTML(f"<header class='title'><h1>{TITLE}</h1><p>{_INTRODUCTION}</p></header>", padding=True)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            picture, input_refusal = _make_picture(owner)
            generator, generator_refusal = _make_generator(owner)
            _heading(3, "Damage")
            chain = make_panel(owner)
            more, more_refusal = _make_more(owner)
        with gr.Column(scale=7, min_width=320):
            paint, mask_refusal = _make_canvas()
            _heading(5, "Restore")
            with gr.Row():
                restore = gr.Button("Restore", variant="primary", elem_id="restore")
                stop = gr.Button("Stop", interactive=False, elem_id="stop")
            run_refusal = gr.HTML(elem_id="refusal-run")
            outputs = _make_outputs()
    inputs = Inputs(
        **picture, **generator, chain=chain, **more, **paint, restore=restore, stop=stop
    )
    refusals = Refusals(input_refusal, generator_refusal, more_refusal, mask_refusal, run_refusal)
    return Layout(inputs, refusals, outputs)


def _heading(number: int, text: str) -> None:
    import gradio as gr

    gr.HTML(f"<h2><span>{number}</span>{text}</h2>", elem_classes="step")


def _make_picture(owner: Owner) -> tuple[dict[str, Any], Any]:
    import gradio as gr

    _heading(1, "Picture")
    choices = [(example.label, name) for name, example in owner.examples.items()]
    components = {
        "example": gr.Dropdown(choices, label="Example", value=None, elem_id="example"),
        "upload": gr.File(
            label="Or upload a picture, NIfTI or DICOM",
            file_types=list(SUFFIXES),
            file_count="single",
            height=150,
            elem_id="upload",
        ),
    }
    refusal = gr.HTML(elem_id="refusal-input")
    components["input_kind"] = gr.Radio(_KINDS, value="measurement", label="State of the picture")
    with gr.Group(visible=False) as medical:
        components["plane"] = gr.Dropdown(list(PLANES), value="axial", label="Plane")
        components["slices"] = gr.Textbox(
            "middle", label="Slice", info="'middle', or an index", max_length=10
        )
        components["window"] = gr.Textbox(
            "auto", label="Window", info="'auto', or LOW:HIGH", max_length=40
        )
    return components | {"medical": medical}, refusal


def _make_generator(owner: Owner) -> tuple[dict[str, Any], Any]:
    import gradio as gr

    _heading(2, "Generator")
    components = {
        "generator": gr.Dropdown(
            list(owner.generators),
            value=next(iter(owner.generators)),
            label="Generator",
            elem_id="generator",
        ),
        "facts": gr.HTML(elem_classes="generator"),
        "class_label": gr.Textbox(
            "", label="Class", info="Index or name of the class", visible=False, max_length=60
        ),
    }
    return components, gr.HTML(elem_id="refusal-generator")


def _make_more(owner: Owner) -> tuple[dict[str, Any], Any]:
    import gradio as gr

    limits = owner.limits
    with gr.Accordion("More: estimator, steps, seed", open=False):
        components = {
            "estimator": gr.Radio(
                [(f"{name}: {ESTIMATORS[name].help}", name) for name in ESTIMATOR_NAMES],
                value="map",
                label="Estimator",
            ),
            "num_steps": gr.Slider(
                10, limits.steps, value=min(200, limits.steps), step=10, label="Steps"
            ),
            "num_samples": gr.Slider(
                1, limits.samples, value=min(8, limits.samples), step=1, label="Posterior samples"
            ),
            "adaptation_steps": gr.Slider(
                0,
                limits.steps,
                value=0,
                step=10,
                label="Steps of adaptation",
                info="Further steps, which adapt the generator's weights to the picture",
            ),
            "seed": gr.Number(0, precision=0, label="Seed"),
        }
    return components, gr.HTML(elem_id="refusal-more")


def _make_canvas() -> tuple[dict[str, Any], Any]:
    import gradio as gr

    _heading(4, "Paint what is missing")
    components = {
        "editor": gr.ImageEditor(
            label="Picture",
            type="pil",
            format="png",
            image_mode="RGBA",
            sources=[],
            transforms=[],
            layers=gr.LayerOptions(allow_additional_layers=False, disabled=True),
            brush=gr.Brush(
                default_size=24, colors=[_BRUSH], default_color=_BRUSH, color_mode="fixed"
            ),
            eraser=gr.Eraser(default_size=24),
            canvas_size=(CANVAS, CANVAS),
            fixed_canvas=True,
            buttons=["fullscreen"],
            height=600,
            elem_id="editor",
        )
    }
    with gr.Accordion("Or upload a mask", open=False):
        components["mask"] = gr.File(
            label="Mask: black pixels are missing", file_types=[".png"], height=150, elem_id="mask"
        )
    return components, gr.HTML(elem_id="refusal-masks")


def _make_outputs() -> Outputs:
    import gradio as gr

    live = gr.HTML(elem_id="live")
    with gr.Column(visible=False, elem_id="result") as result:
        _heading(6, "Result")
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
