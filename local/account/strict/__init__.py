"""moto's own functions come in; they go out with the rules that AWS has and moto lacks."""
