"""Everything that `pandian doctor` looks at, in its order."""

from __future__ import annotations

from flows.doctor.check import Check, failed
from flows.doctor.machine import device_check, machine_checks
from tasks.errors import SettingsError


def examine(config: str | None) -> list[Check]:
    """Return what is to be said of this machine, and of the shop that is configured, if one is."""
    found = list(machine_checks())
    if any(item.is_needed and not item.is_ok for item in found):
        return found  # without a package, what needs it cannot be looked at
    from flows.doctor.places import encoder_check, place_checks, prefect_check
    from flows.settings import SEARCHED, find_config, load_settings
    from tasks.retrieval.weights import DEFAULT_ENCODER

    try:
        settings = load_settings(str(path := find_config(config)))
    except SettingsError as error:
        is_named = error.facts["file"] != SEARCHED[0]
        shop = failed("shop.yaml", error, is_needed=is_named)
        return [*found, device_check("auto"), shop, encoder_check(DEFAULT_ENCODER), prefect_check()]
    shop = Check("shop.yaml", str(path))
    stages = (settings.embed, settings.analyze, settings.finetune, settings.evaluate)
    devices = dict.fromkeys(stage.device for stage in stages)
    return [*found, *map(device_check, devices), shop, *place_checks(settings)]
