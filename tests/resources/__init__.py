"""What the tests know of each resource: one declaration a module, which the general tests of providers find by themselves."""
