"""AWS regions by name, so nobody has to know the codes.

Source: AWS General Reference, "AWS Regions"; the field takes any other code too.
"""

from __future__ import annotations

from collections.abc import Mapping

REGIONS: Mapping[str, str] = {
    "us-east-1": "N. Virginia",
    "us-east-2": "Ohio",
    "us-west-1": "N. California",
    "us-west-2": "Oregon",
    "ca-central-1": "Canada Central",
    "ca-west-1": "Calgary",
    "mx-central-1": "Mexico",
    "sa-east-1": "São Paulo",
    "eu-central-1": "Frankfurt",
    "eu-central-2": "Zurich",
    "eu-north-1": "Stockholm",
    "eu-south-1": "Milan",
    "eu-south-2": "Spain",
    "eu-west-1": "Ireland",
    "eu-west-2": "London",
    "eu-west-3": "Paris",
    "il-central-1": "Tel Aviv",
    "me-central-1": "UAE",
    "me-south-1": "Bahrain",
    "af-south-1": "Cape Town",
    "ap-east-1": "Hong Kong",
    "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul",
    "ap-northeast-3": "Osaka",
    "ap-south-1": "Mumbai",
    "ap-south-2": "Hyderabad",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-southeast-3": "Jakarta",
    "ap-southeast-4": "Melbourne",
    "ap-southeast-5": "Malaysia",
    "ap-southeast-7": "Thailand",
}


def region_text(code: str) -> str:
    """How a region reads: "eu-west-1 (Ireland)"; an unknown code as it is."""
    name = REGIONS.get(code)
    return f"{code} ({name})" if name else code


def region_code(text: str) -> str:
    """The code in what was typed or chosen: "eu-west-1 (Ireland)", "Ireland" or "eu-west-1" give "eu-west-1"."""
    typed = text.strip()
    for code, name in REGIONS.items():
        if typed.casefold() == name.casefold():
            return code
    return typed.split(" ", 1)[0].lower()
