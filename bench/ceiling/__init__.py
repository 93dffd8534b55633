"""The ceiling: the least that anybody must do, to hold the real thing against."""
