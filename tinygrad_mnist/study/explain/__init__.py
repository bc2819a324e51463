"""A page that steps through one digit: every value down to the loss, every gradient back up.

`digit` takes an image through a model and its gradient back. `two_layer` and `any_model` tell what
happened, step by step: `shared` has the steps that both have, `turning` the slider, `notation` what
the letters mean, and `record` what the engine recorded. `arrays` and `markup` turn arrays, formulas
and tables into pieces of the page, and `page` puts these together with the style and the scripts in
the directory `assets/`, which run in the browser.
"""

from .page import explain_page

__all__ = ["explain_page"]
