"""What self-configuration decides, with its reasons, before the first step."""
