"""The laws that requests are answered under: `rules` has them as data, `calendar` counts their days."""
