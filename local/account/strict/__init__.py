"""moto's functions come in; they go out patched with rules of AWS that moto lacks."""
