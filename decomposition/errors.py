"""What a user of the decomposition can do wrong, as one small family of exceptions.

The command line prints the message and exits with 1. Our own mistakes are assertions.
"""


class DecompositionError(Exception):
    """Something asked of the decomposition cannot be done; the message says what to do."""


class UnknownNameError(DecompositionError):
    """No target or experiment has this name; the message lists those there are."""


class TargetError(DecompositionError):
    """A target model could not be trained to do what it is there to show."""


class DivergenceError(DecompositionError):
    """A loss stopped being a number; the message names the step and the loss."""


class CheckpointError(DecompositionError):
    """A saved decomposition is missing, damaged, in the way, or of another version."""


class PredictionError(DecompositionError):
    """A statement's words do not say what the experiment should find."""


class ExperimentError(DecompositionError):
    """An experiment cannot speak about this target or this decomposition."""


class OutcomeError(DecompositionError):
    """A file does not say what was measured elsewhere; the message names the field."""


class SplitError(DecompositionError):
    """A model's matrices cannot be split as asked; the message names the pattern or the layer."""


class LossError(DecompositionError):
    """A loss would say nothing about this target."""


class EditError(DecompositionError):
    """An edit names what is not there, or does not fit the weights it is made to."""


class SweepError(DecompositionError):
    """No coefficient that was tried keeps the rule."""


class MemoryShortageError(DecompositionError):
    """There was not enough memory; the message gives the sizes."""


class DeviceError(DecompositionError):
    """A device that was asked for is not there; the message names it."""


class ConfigurationError(DecompositionError):
    """A setting does not exist, or its value is not possible; the message names it."""
