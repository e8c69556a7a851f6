"""Whether what reads text from outside does so in bounded time: fed with megabytes that nobody means well with."""
