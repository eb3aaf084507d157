"""The components of the page, in the order in which a person uses them."""

from __future__ import annotations

from typing import Any, NamedTuple

from brgm_tf.app.canvas import BRUSH, CANVAS
from brgm_tf.app.owner import Owner
from brgm_tf.app.result_layout import Outputs, heading, make_outputs
from brgm_tf.app.rows_panel import ChainPanel, make_panel
from brgm_tf.app.settings import ESTIMATOR_NAMES
from brgm_tf.app.uploads import SUFFIXES
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
    align: Any
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


class Layout(NamedTuple):
    """All components."""

    inputs: Inputs
    refusals: Refusals
    outputs: Outputs


def make_layout(owner: Owner) -> Layout:
    """Makes all components in the current Gradio context; returns them."""
    import gradio as gr

    gr.HTML(f"<header class='title'><h1>{TITLE}</h1><p>{_INTRODUCTION}</p></header>", padding=True)
    with gr.Row(elem_id="parts"):
        with gr.Column(scale=5, min_width=320):
            picture, input_refusal = _make_picture(owner)
            generator, generator_refusal = _make_generator(owner)
            heading(3, "Damage")
            chain = make_panel(owner)
            more, more_refusal = _make_more(owner)
        with gr.Column(scale=7, min_width=320):
            paint, mask_refusal = _make_canvas()
            heading(5, "Restore")
            with gr.Row():
                restore = gr.Button("Restore", variant="primary", elem_id="restore")
                stop = gr.Button("Stop", interactive=False, elem_id="stop")
            run_refusal = gr.HTML(elem_id="refusal-run")
            outputs = make_outputs()
    inputs = Inputs(
        **picture, **generator, chain=chain, **more, **paint, restore=restore, stop=stop
    )
    refusals = Refusals(input_refusal, generator_refusal, more_refusal, mask_refusal, run_refusal)
    return Layout(inputs, refusals, outputs)


def _make_picture(owner: Owner) -> tuple[dict[str, Any], Any]:
    import gradio as gr

    heading(1, "Picture")
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
    is_photograph = owner.options.get("align", "none") != "none"
    components["align"] = gr.Checkbox(
        is_photograph,
        label="Align faces: a photograph, whose faces are found, restored and put back",
        visible=owner.has_faces(next(iter(owner.generators))),
        elem_id="align",
    )
    with gr.Group(visible=False) as medical:
        components["plane"] = gr.Dropdown(list(PLANES), value="axial", label="Plane", visible=False)
        components["slices"] = gr.Slider(
            0, 1, value=0, step=1, label="Slice", visible=False, elem_id="slices"
        )
        components["window"] = gr.Textbox(
            "auto", label="Window", info="'auto', or LOW:HIGH", max_length=40
        )
    return components | {"medical": medical}, refusal


def _make_generator(owner: Owner) -> tuple[dict[str, Any], Any]:
    import gradio as gr

    heading(2, "Generator")
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

    heading(4, "Paint what is missing")
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
