"""A model: what its folder says, how its stages are put together, and what they generate.

`config` holds what a model is, `folder` where models lie, `build` turns a folder into a model, `pipeline` runs it, and
`campaigns` says whether a campaign's events are a model's.
"""
