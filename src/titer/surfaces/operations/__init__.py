"""What operators and developers ask of a server itself: is it up, how is it doing, what can it do.

None of it belongs to an organization, and none of it needs a key.
"""
